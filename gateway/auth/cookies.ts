/** The two cookies of a login, and the check of the page that sends them. Source: RFC 6265, RFC 6265bis §4.1.2.7. */
import { GatewayError } from "../errors.ts"
import { isOwnOrigin } from "../own-origin.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"

/** Binds a login to the browser that began it; `Lax`, since the provider sends the browser back from another site. */
const loginCookie = "millrace_login"
const refreshCookie = "millrace_refresh"
const path = "/api/auth"
const valuePattern = /^[A-Za-z0-9._-]{1,512}$/

const cookie = (
  name: string,
  value: string,
  more: { readonly sameSite: "Lax" | "Strict"; readonly secure: boolean; readonly maxAgeSeconds: number },
): string =>
  `${name}=${value}; Path=${path}; HttpOnly; SameSite=${more.sameSite}; Max-Age=${more.maxAgeSeconds}${more.secure ? "; Secure" : ""}`

export const loginCookieOf = (value: string, secure: boolean, maxAgeMs: number): string =>
  cookie(loginCookie, value, { sameSite: "Lax", secure, maxAgeSeconds: Math.floor(maxAgeMs / 1_000) })

export const refreshCookieOf = (value: string, secure: boolean, maxAgeMs: number): string =>
  cookie(refreshCookie, value, {
    sameSite: "Strict",
    secure,
    maxAgeSeconds: Math.max(0, Math.floor(maxAgeMs / 1_000)),
  })

export const noLoginCookie = (secure: boolean) => loginCookieOf("", secure, 0)
export const noRefreshCookie = (secure: boolean) => refreshCookieOf("", secure, 0)

/** A name that is sent twice was put there by somebody else: it counts as not sent. */
const read = ({ http }: GatewayRequest, name: string): string | undefined => {
  const values = (http.env.incoming.headers.cookie ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1))
  const [value] = values
  return values.length === 1 && value !== undefined && valuePattern.test(value) ? value : undefined
}

export const readLoginCookie = (request: GatewayRequest) => read(request, loginCookie)
export const readRefreshCookie = (request: GatewayRequest) => read(request, refreshCookie)

/** Errors: 403 `USR_SSO_007` for a page of somebody else. */
export const requireOwnOrigin = (services: GatewayServices, { http }: GatewayRequest): void => {
  if (isOwnOrigin(services, http.env.incoming.headers)) return
  throw new GatewayError(403, "USR_SSO_007", "Pages of this site may not log in here.", {
    field: "Origin",
    remedy: "list the site in CORS_ORIGINS",
  })
}
