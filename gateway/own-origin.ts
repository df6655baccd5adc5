/** Pages of which sites may make a browser call where it is not asked first whether that is allowed. */
import type { IncomingHttpHeaders } from "node:http"
import type { GatewayServices } from "./services.ts"

const hostOf = (origin: string): string | undefined =>
  URL.canParse(origin) ? new URL(origin).host : undefined

/** Browsers name the page's origin with every POST; who sends none is no browser. */
export const isOwnOrigin = (
  { web, login }: Pick<GatewayServices, "web" | "login">,
  { origin, host }: IncomingHttpHeaders,
): boolean => {
  if (origin === undefined || web.allows(origin)) return true
  const own = login.publicUrl === undefined ? host : hostOf(login.publicUrl)
  return own !== undefined && hostOf(origin) === own
}
