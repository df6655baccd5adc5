/** Logging in, staying logged in, and users' API keys, as they are on the wire. Source: seed 0 §4.1. */
import * as Schema from "effect/Schema"
import { Scopes } from "../permission.ts"
import { countOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { Timestamp } from "./paging.ts"

const authorizationCharactersMax = 16_384
const RedirectUri = textOf(2_000).check(Schema.isMinLength(1))
const Code = textOf(2_048).check(Schema.isMinLength(1))
const State = textOf(128).check(Schema.isMinLength(1))
const RefreshToken = textOf(512)

const tokenFields = {
  access_token: Schema.String,
  token_type: Schema.Literal("Bearer"),
  /** Units: seconds. */
  expires_in: Schema.Int,
}

export const LoginAnswer = Schema.Struct({
  ...tokenFields,
  user: Schema.Struct({
    username: Schema.String,
    username_kr: Schema.String,
    email: Schema.String,
    role: Schema.String,
  }),
})

export const JwksAnswer = Schema.Struct({ keys: Schema.Array(Schema.Record(Schema.String, Schema.Json)) })

const ssoErrors = ["USR_SSO_001", "USR_SSO_002", "USR_SSO_003", "USR_SSO_004", "USR_SSO_005", "USR_SSO_006"]
const originError = "USR_SSO_007"

export const authEndpoints = {
  keys: endpoint({
    id: "auth.listKeys",
    method: "GET",
    path: "/.well-known/jwks.json",
    summary: "The public keys that access tokens are signed with.",
    permission: "public",
    answer: JwksAnswer,
  }),
  login: endpoint({
    id: "auth.beginLogin",
    method: "POST",
    path: "/api/auth/login/",
    summary: "Begin a login: gives the address at the identity provider to send the browser to.",
    permission: "public",
    rate: "login",
    body: Schema.Struct({ redirect_uri: RedirectUri }),
    answer: Schema.Struct({ sso_login_url: Schema.String }),
    errors: [...ssoErrors, originError],
  }),
  callback: endpoint({
    id: "auth.finishLogin",
    method: "POST",
    path: "/api/auth/callback/",
    summary: "Finish a login with the code and state that the provider gave, or with an id token alone.",
    permission: "public",
    rate: "login",
    body: Schema.Struct({
      code: Schema.optionalKey(Code),
      state: Schema.optionalKey(State),
      id_token: Schema.optionalKey(textOf(authorizationCharactersMax)),
    }),
    answer: LoginAnswer,
    errors: [...ssoErrors, originError],
  }),
  callbackPage: endpoint({
    id: "auth.finishLoginPage",
    method: "GET",
    path: "/api/auth/callback/",
    summary: "Finish a login where the provider sends the browser straight to the node.",
    permission: "public",
    rate: "login",
    query: {
      code: Schema.optionalKey(Code),
      state: Schema.optionalKey(State),
      error: Schema.optionalKey(textOf(256)),
      error_description: Schema.optionalKey(textOf(2_000)),
      error_uri: Schema.optionalKey(textOf(2_000)),
      /** Source: RFC 9207. */
      iss: Schema.optionalKey(textOf(2_000)),
      session_state: Schema.optionalKey(textOf(2_000)),
      /** What some providers add, and nobody reads. */
      scope: Schema.optionalKey(textOf(2_000)),
      authuser: Schema.optionalKey(textOf(256)),
      hd: Schema.optionalKey(textOf(256)),
      prompt: Schema.optionalKey(textOf(256)),
    },
    answer: LoginAnswer,
    errors: ssoErrors,
  }),
  refresh: endpoint({
    id: "auth.refresh",
    method: "POST",
    path: "/api/auth/refresh",
    summary:
      "A new access token for the refresh token in the cookie, or in the body; the refresh token is replaced.",
    permission: "public",
    rate: "login",
    body: Schema.Struct({ refresh_token: Schema.optionalKey(RefreshToken) }),
    answer: Schema.Struct({
      ...tokenFields,
      /** Only where it came in the body. */
      refresh_token: Schema.optionalKey(Schema.String),
    }),
    errors: ["USR_SES_001", originError],
  }),
  logout: endpoint({
    id: "auth.logout",
    method: "POST",
    path: "/api/auth/logout/",
    summary: "End the login of the access token, or of the refresh token in the cookie.",
    permission: "public",
    body: Schema.Struct({}),
    answer: Schema.Struct({ message: Schema.String }),
    errors: ["USR_KEY_004", originError],
  }),
} as const

const keyFields = {
  id: Schema.Int,
  name: Schema.String,
  /** The beginning of the key, by which its owner knows it. */
  prefix: Schema.String,
  /** Null: everything that the owner may. */
  scopes: Schema.NullOr(Schema.Array(Schema.String)),
  created_at: Timestamp,
  expires_at: Schema.NullOr(Timestamp),
  last_used_at: Schema.NullOr(Timestamp),
  /** Until when the secret before the last rotation is valid. */
  previous_valid_until: Schema.NullOr(Timestamp),
}

const NewApiKey = Schema.Struct({ ...keyFields, key: Schema.String })
const keyParams = {
  id: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })),
}

export const apiKeyEndpoints = {
  create: endpoint({
    id: "apiKeys.create",
    method: "POST",
    path: "/api/users/me/api-keys/",
    summary: "Make an API key for yourself; this answer alone shows it.",
    permission: "login",
    body: Schema.Struct({
      name: textOf(100).check(Schema.isMinLength(1)),
      scopes: Schema.optionalKey(Scopes.check(Schema.isMinLength(1))),
      expires_at: Schema.optionalKey(Timestamp),
    }),
    answer: NewApiKey,
    status: 201,
    errors: ["USR_KEY_002", "USR_KEY_003", "USR_KEY_004", "USR_KEY_005"],
  }),
  list: endpoint({
    id: "apiKeys.list",
    method: "GET",
    path: "/api/users/me/api-keys/",
    summary: "List your API keys, without their secrets.",
    permission: "login",
    answer: Schema.Struct({ api_keys: Schema.Array(Schema.Struct(keyFields)), total: Schema.Int }),
  }),
  revoke: endpoint({
    id: "apiKeys.revoke",
    method: "DELETE",
    path: "/api/users/me/api-keys/:id",
    summary: "Revoke one of your API keys at once.",
    permission: "login",
    params: keyParams,
    errors: ["USR_KEY_001", "USR_KEY_004"],
  }),
  rotate: endpoint({
    id: "apiKeys.rotate",
    method: "POST",
    path: "/api/users/me/api-keys/:id/rotate",
    summary: "Give an API key a new secret; the old one stays valid for a while.",
    permission: "login",
    params: keyParams,
    body: Schema.Struct({
      /** Default: a day. */
      overlap_seconds: Schema.optionalKey(countOf(0, 7 * 86_400)),
    }),
    answer: NewApiKey,
    errors: ["USR_KEY_001", "USR_KEY_004"],
  }),
} as const
