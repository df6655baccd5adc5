/**
 * Which identity provider this node logs people in with: the one that is configured, or in development the node itself,
 * through the same code. The development issuer is made here and nowhere else.
 */
import { platformTenant } from "../../resources/index.ts"
import {
  type DevelopmentIssuer,
  developmentClientId,
  developmentIssuerPath,
  makeDevelopmentIssuer,
} from "./development-issuer/issuer.ts"
import type { LoginSettings } from "./login.ts"
import { makeOidcProvider } from "./oidc/provider.ts"
import { redirectCheck } from "./oidc/redirects.ts"

/** What the environment says. */
export interface LoginOptions {
  /** `OIDC_ISSUER`; without it the node is its own, which production refuses. */
  readonly issuer: string | undefined
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
  readonly redirectUris: ReadonlyArray<string>
  readonly tenantClaim: string
}

export interface LoginConfig extends LoginSettings {
  /** Of the provider. */
  readonly issuer: () => string
  readonly publicUrl: string | undefined
  /** Browsers keep the cookies to https. */
  readonly secureCookies: boolean
  readonly developmentIssuer: DevelopmentIssuer | undefined
  /** Tells the node's own address, once it is known. */
  readonly listensAt: (url: string) => void
}

/** Under which the directory keeps users of the development issuer, whose address changes with the port. */
export const developmentIssuerName = "development"

/** Rejects in production without `OIDC_ISSUER`. */
export const makeLoginConfig = async (
  options: LoginOptions,
  node: { readonly environment: string | undefined; readonly publicUrl: string | undefined },
): Promise<LoginConfig> => {
  const isProduction = node.environment === "production"
  const isDevelopment = options.issuer === undefined
  if (isDevelopment && isProduction)
    throw new Error("The development login does not exist with NODE_ENV=production: set OIDC_ISSUER.")
  let ownUrl = ""
  const issuer = () => options.issuer ?? `${ownUrl}${developmentIssuerPath}`
  return {
    issuer,
    provider: makeOidcProvider({
      issuer,
      clientId: isDevelopment ? developmentClientId : (options.clientId ?? ""),
      clientSecret: isDevelopment ? undefined : options.clientSecret,
    }),
    issuerName: () => options.issuer ?? developmentIssuerName,
    mayRedirectTo: redirectCheck(options.redirectUris, !isProduction),
    tenantClaim: options.tenantClaim,
    defaultTenant: platformTenant,
    publicUrl: node.publicUrl,
    secureCookies: isProduction || node.publicUrl?.startsWith("https:") === true,
    developmentIssuer: isDevelopment ? await makeDevelopmentIssuer() : undefined,
    listensAt: (url) => {
      ownUrl = url
    },
  }
}
