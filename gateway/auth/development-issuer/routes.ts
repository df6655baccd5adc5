/**
 * The development identity provider over HTTP. It believes everybody, so it answers this machine only: requests from
 * elsewhere, and under a name that is not this machine's (a page that had its name point here), are refused.
 */
import type { IncomingMessage } from "node:http"
import { developmentIssuerEndpoints as endpoints } from "../../../schemas/index.ts"
import { json, text } from "../../answers.ts"
import { GatewayError } from "../../errors.ts"
import { readBodyText } from "../../http/body.ts"
import { type GatewayRequest, type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { chooserPage } from "./form.ts"
import {
  type AuthorizationRequest,
  type ChosenUser,
  type DevelopmentIssuer,
  developmentClientId,
  developmentIssuerPath,
} from "./issuer.ts"

const formBytesMax = 16 * 1_024
const localHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
const localAddress = /^(?:::ffff:)?127\.|^::1$/

/** A proxy on this machine may call the node by a local name: who is behind it is not local by that. */
const forwarding = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"] as const

const requireLocal = ({ http }: GatewayRequest): void => {
  const { headers, socket } = http.env.incoming
  const isForwarded = forwarding.some((name) => headers[name] !== undefined)
  if (!isForwarded && localHost.test(headers.host ?? "") && localAddress.test(socket.remoteAddress ?? ""))
    return
  throw new GatewayError(403, "USR_DEV_001", "The development login answers this machine only.", {
    remedy: "open it on the machine that runs the node, or set OIDC_ISSUER",
  })
}

const bad = (field: string, remedy: string) =>
  new GatewayError(400, "USR_DEV_002", "The login request is not valid.", { field, remedy })

type Parameters = Readonly<Record<string, string | undefined>>

/** Errors: 400. Never sends a browser anywhere before `redirect_uri` was checked. */
const authorizationOf = (services: GatewayServices, given: Parameters): AuthorizationRequest => {
  if (given.client_id !== developmentClientId) throw bad("client_id", `send ${developmentClientId}`)
  const redirectUri = given.redirect_uri ?? ""
  if (!services.login.mayRedirectTo(redirectUri))
    throw bad("redirect_uri", "send one that may be returned to")
  if (given.response_type !== "code") throw bad("response_type", "send code")
  const challenge = given.code_challenge ?? ""
  if (given.code_challenge_method !== "S256" || !/^[\w-]{43}$/.test(challenge))
    throw bad("code_challenge", "send one of PKCE with code_challenge_method=S256")
  return { redirectUri, challenge, state: given.state, nonce: given.nonce }
}

const filled = (value: string | undefined): string | undefined => value?.trim() || undefined

const chosenUser = (given: Parameters): ChosenUser | undefined => {
  const username = filled(given.login_hint)
  if (username === undefined) return undefined
  return {
    username,
    groups: given.groups
      ?.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    department: filled(given.department),
    tenant: filled(given.tenant),
  }
}

const readForm = async (incoming: IncomingMessage): Promise<Parameters> => {
  if (!/^application\/x-www-form-urlencoded\b/i.test(incoming.headers["content-type"] ?? ""))
    throw new GatewayError(415, "GTW_BODY_002", "The body has to be a form.", {
      remedy: "send Content-Type: application/x-www-form-urlencoded",
    })
  return Object.fromEntries(new URLSearchParams(await readBodyText(incoming, formBytesMax)))
}

/** None where another provider is configured. */
export const developmentIssuerRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { developmentIssuer } = services.login
  return developmentIssuer === undefined ? [] : routesOf(services, developmentIssuer)
}

const routesOf = (services: GatewayServices, issuer: DevelopmentIssuer): ReadonlyArray<Route> => {
  const base = () => services.login.issuer()

  const answer = (
    request: GatewayRequest,
    authorization: AuthorizationRequest,
    user: ChosenUser,
  ): Response => {
    const target = new URL(authorization.redirectUri)
    target.searchParams.set("code", issuer.grant(authorization, user))
    if (authorization.state !== undefined) target.searchParams.set("state", authorization.state)
    return text(request.context, 302, "text/plain", "", { Location: target.href })
  }

  return [
    route(services, endpoints.discovery, (request) => {
      requireLocal(request)
      return {
        issuer: base(),
        authorization_endpoint: `${base()}/authorize`,
        token_endpoint: `${base()}/token`,
        jwks_uri: `${base()}/jwks.json`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
      }
    }),
    route(services, endpoints.keys, (request) => {
      requireLocal(request)
      return json(request.context, 200, issuer.keys)
    }),
    route(services, endpoints.authorize, (request, { query }) => {
      requireLocal(request)
      const authorization = authorizationOf(services, query)
      const user = query.prompt === "none" ? chosenUser(query) : undefined
      if (user !== undefined) return answer(request, authorization, user)
      const { login_hint: suggested = "developer", groups: _, department: __, ...kept } = query
      const page = chooserPage(`${developmentIssuerPath}/authorize`, Object.entries(kept), suggested)
      return text(request.context, 200, "text/html; charset=UTF-8", page)
    }),
    route(services, endpoints.choose, async (request) => {
      requireLocal(request)
      const given = await readForm(request.http.env.incoming)
      const authorization = authorizationOf(services, given)
      const user = chosenUser(given)
      if (user === undefined) throw bad("login_hint", "send the name of the user to be")
      return answer(request, authorization, user)
    }),
    route(services, endpoints.token, async (request) => {
      requireLocal(request)
      const {
        grant_type,
        code = "",
        redirect_uri: redirectUri = "",
        code_verifier: verifier = "",
      } = await readForm(request.http.env.incoming)
      const refused = (error: string) => json(request.context, 400, { error })
      if (grant_type !== "authorization_code") return refused("unsupported_grant_type")
      const idToken = await issuer.redeem(base(), { code, redirectUri, verifier })
      if (idToken === undefined) return refused("invalid_grant")
      return json(request.context, 200, {
        token_type: "Bearer",
        access_token: code,
        expires_in: 60,
        id_token: idToken,
      })
    }),
  ]
}
