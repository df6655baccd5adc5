/** The identity provider that a node is to itself in development: OpenID Connect, as little of it as a login needs. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"
import { JwksAnswer } from "./auth.ts"
import { endpoint } from "./endpoint.ts"

const Text = textOf(2_000)

/** Source: OpenID Connect Core §3.1.2.1; RFC 7636 §4.3. What follows `login_hint` is for scripts. */
const authorizeQuery = {
  client_id: Text,
  redirect_uri: Text,
  response_type: Text,
  scope: Schema.optionalKey(Text),
  state: Schema.optionalKey(Text),
  nonce: Schema.optionalKey(Text),
  code_challenge: Schema.optionalKey(Text),
  code_challenge_method: Schema.optionalKey(Text),
  prompt: Schema.optionalKey(Text),
  login_hint: Schema.optionalKey(textOf(128)),
  groups: Schema.optionalKey(Text),
  department: Schema.optionalKey(textOf(256)),
  tenant: Schema.optionalKey(textOf(64)),
}

export const developmentIssuerEndpoints = {
  discovery: endpoint({
    id: "developmentIssuer.discover",
    method: "GET",
    path: "/dev/oidc/.well-known/openid-configuration",
    summary: "Where the development identity provider has what.",
    permission: "public",
    answer: Schema.Record(Schema.String, Schema.Json),
  }),
  keys: endpoint({
    id: "developmentIssuer.listKeys",
    method: "GET",
    path: "/dev/oidc/jwks.json",
    summary: "The public key of the development identity provider.",
    permission: "public",
    answer: JwksAnswer,
  }),
  authorize: endpoint({
    id: "developmentIssuer.authorize",
    method: "GET",
    path: "/dev/oidc/authorize",
    summary: "Choose who to be; with prompt=none and login_hint the answer comes at once.",
    permission: "public",
    query: authorizeQuery,
    media: "text/html",
  }),
  choose: endpoint({
    id: "developmentIssuer.choose",
    method: "POST",
    path: "/dev/oidc/authorize",
    summary: "What the form of the development identity provider sends.",
    permission: "public",
    media: "text/html",
  }),
  token: endpoint({
    id: "developmentIssuer.issueToken",
    method: "POST",
    path: "/dev/oidc/token",
    summary: "An id token for a code and its PKCE verifier.",
    permission: "public",
    answer: Schema.Record(Schema.String, Schema.Json),
  }),
} as const
