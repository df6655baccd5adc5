/**
 * What the environment says about this node, with every default. An empty variable counts as not set; one that cannot
 * be understood is refused by name, with what it may be.
 */
import { join, resolve } from "node:path"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import {
  developmentUser,
  type LoginOptions,
  parseRatePolicies,
  parseTrustedProxies,
  type RatePolicies,
  type TrustedProxies,
} from "./gateway/index.ts"
import {
  type AllowList,
  type LogConfig,
  maskText,
  parseAllowList,
  parseSmtpUrl,
  readLogConfig,
} from "./resources/index.ts"

/** A variable that cannot be understood. */
export class BadSetting extends Schema.TaggedError<BadSetting>()("BadSetting", {
  name: Schema.String,
  value: Schema.String,
  expected: Schema.String,
}) {
  override get message() {
    return `${this.name}=${this.value}: expected ${this.expected}`
  }
}

export interface NatsSettings {
  /** `NATS_URL`: a server that somebody else runs, or several with commas. Without it one is kept here. */
  readonly url: string | undefined
  /** `NATS_USER`, `NATS_PASSWORD`. */
  readonly user: string | undefined
  readonly password: string | undefined
  /** `NATS_NAMESPACE`: keeps deployments apart on one server. Default: `millrace`. */
  readonly namespace: string
  /** `MILLRACE_REPLICAS`: copies of every stream. Default: 1. */
  readonly replicas: number
  /** `MILLRACE_SYNC`: `always` writes to disk before a command counts as accepted. Default: `always`. */
  readonly sync: "always" | "default"
  /** `MILLRACE_STORAGE_GIB`: what the streams may hold. Default: 12, or half of what is free where that is less. */
  readonly storageGib: number | undefined
}

export interface Settings {
  /** `MILLRACE_HOME`: where everything of this node is kept. Default: `.millrace`. */
  readonly home: string
  /** `MILLRACE_PARTITIONS`: fixed when the deployment is created. Default: 8. */
  readonly partitions: number
  readonly nats: NatsSettings
  /** `DATABASE_URL`: a Postgres to use. Without it one is embedded. */
  readonly databaseUrl: string | undefined
  /** `DATABASE_DIRECTORY`: of the embedded one. Default: `pg` in the home. */
  readonly databaseDirectory: string
  /** `EGRESS_ALLOW`: hosts, host:port and address/bits that may be reached though they are not public. Default: none. */
  readonly egressAllow: AllowList
  /** `HOST` and `PORT` of the gateway. Default: 127.0.0.1 and 9050. */
  readonly host: string
  readonly port: number
  /**
   * `MILLRACE_RATE_LIMITS`: requests per seconds of one identity for each class, such as `read=6000/60,batch=10/60`, or
   * `off`. Default: `defaultRatePolicies` of the gateway.
   */
  readonly rates: RatePolicies | undefined
  /** `MILLRACE_TRUSTED_PROXIES`: addresses and address/bits whose `X-Forwarded-For` is believed. Default: none. */
  readonly trustedProxies: TrustedProxies
  /** `MILLRACE_SECRET_KEYS`: `id:base64key[,…]`, newest first: what stored secrets are sealed under. */
  readonly secretKeys: string | undefined
  /** `OIDC_…`: the identity provider. Without one the node is its own, in development only. */
  readonly login: LoginOptions
  /** `MILLRACE_ADMINS`: who is made ADMIN at login, as `name` or `tenant/name`. Default: `developer` in development. */
  readonly administrators: ReadonlyArray<string>
  /**
   * `MILLRACE_SMTP_URL`: the mail server for notifications, `smtps://user:password@host:465`, and `MILLRACE_SMTP_FROM`:
   * whom they come from. Without one e-mail is in the delivery log alone.
   */
  readonly mail: { readonly url: Redacted.Redacted | undefined; readonly from: string | undefined }
  /** `LLM_CHECK_SECONDS`: how often a tenant's active language models are checked. Default: 60. */
  readonly modelCheckEveryMs: number
  /**
   * `OPENAI_API_KEY`, `OPENAI_BASE_URL` (default: OpenAI's) and `OPENAI_MODEL`: when one of the first two is set, the
   * platform's tenant has the model `openai-default`. Without a key none is sent.
   */
  readonly defaultModel: DefaultModel | undefined
  /** What browsers are told. */
  readonly web: {
    /** `MILLRACE_PUBLIC_URL`: where people reach the node. With `https` browsers are told to use nothing else. */
    readonly publicUrl: string | undefined
    /** `CORS_ORIGINS`: exact origins of pages that may call, with commas. Default: none. */
    readonly corsOrigins: ReadonlyArray<string>
  }
  /**
   * `MILLRACE_LOG_FORMAT` (`console`, `json`; default: `console` on a terminal), `MILLRACE_LOG_LEVEL` (`info`),
   * `MILLRACE_LOG_REQUESTS` (`true`, `slow` and failed ones, `errors`, `off`; default: `slow`), `MILLRACE_LOG_FILE` with
   * `MILLRACE_LOG_FILE_MIB` (50), `MILLRACE_LOG_FILES` (10) and `MILLRACE_LOG_DAYS` (14).
   */
  readonly log: LogConfig
  /** `NODE_ENV`. */
  readonly environment: string | undefined
}

const parsed = <A>(
  environment: NodeJS.ProcessEnv,
  name: string,
  expected: string,
  parse: (text: string) => A,
) => {
  const value = environment[name] ?? ""
  try {
    return parse(value)
  } catch (cause) {
    throw new BadSetting({ name, value, expected: `${expected}; ${(cause as Error).message}` })
  }
}

const readAllowList = (environment: NodeJS.ProcessEnv): AllowList =>
  parsed(environment, "EGRESS_ALLOW", "hosts, host:port or address/bits with commas between", parseAllowList)

const readRates = (environment: NodeJS.ProcessEnv) => ({
  rates: parsed(
    environment,
    "MILLRACE_RATE_LIMITS",
    "class=requests/seconds with commas between, such as read=6000/60,batch=10/60, or off",
    parseRatePolicies,
  ),
  trustedProxies: parsed(
    environment,
    "MILLRACE_TRUSTED_PROXIES",
    "addresses or address/bits with commas between, such as 10.0.0.0/8",
    parseTrustedProxies,
  ),
})

export interface DefaultModel {
  readonly apiKey: Redacted.Redacted | undefined
  readonly baseUrl: string
  readonly modelName: string
}

const readMail = (environment: NodeJS.ProcessEnv): Settings["mail"] => {
  const { MILLRACE_SMTP_URL: url, MILLRACE_SMTP_FROM: from } = environment
  if (url && parseSmtpUrl(url) === undefined)
    throw new BadSetting({
      name: "MILLRACE_SMTP_URL",
      // It may hold a password, wherever that is in what cannot be read.
      value: "(not shown)",
      expected: "smtp:// or smtps://user:password@host:port",
    })
  return {
    url: url ? Redacted.make(url, { label: "MILLRACE_SMTP_URL" }) : undefined,
    from: from || undefined,
  }
}

const openAi = { baseUrl: "https://api.openai.com/v1", modelName: "gpt-4o-mini" }

const readDefaultModel = (environment: NodeJS.ProcessEnv): DefaultModel | undefined => {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: url, OPENAI_MODEL: name } = environment
  if (!key && !url) return undefined
  if (url && !(URL.canParse(url) && /^https?:/.test(url) && new URL(url).username === ""))
    throw new BadSetting({
      name: "OPENAI_BASE_URL",
      value: maskText(url),
      expected: "an http(s) address without credentials",
    })
  return {
    apiKey: key ? Redacted.make(key, { label: "OPENAI_API_KEY" }) : undefined,
    baseUrl: url || openAi.baseUrl,
    modelName: name || openAi.modelName,
  }
}

/** Undefined for what is no origin, such as `*` or one with a path. */
const originsOf = (text: string): ReadonlyArray<string> | undefined => {
  const origins = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
  const isOrigin = (one: string) =>
    /^https?:[^*]+$/.test(one) && URL.canParse(one) && new URL(one).origin === one
  return origins.every(isOrigin) ? origins : undefined
}

const listOf = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))

/** `OIDC_ISSUER`, `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET`, `OIDC_REDIRECT_URIS`, `OIDC_TENANT_CLAIM`. */
const readLogin = (environment: NodeJS.ProcessEnv): LoginOptions => {
  const text = (name: string): string | undefined => environment[name] || undefined
  const refuse = (name: string, expected: string): never => {
    throw new BadSetting({ name, value: text(name) ?? "", expected })
  }
  const [issuer, clientId] = [text("OIDC_ISSUER"), text("OIDC_CLIENT_ID")]
  const redirectUris = listOf(text("OIDC_REDIRECT_URIS"))
  const isProduction = environment.NODE_ENV === "production"
  if (issuer === undefined && isProduction)
    refuse(
      "OIDC_ISSUER",
      "the address of an identity provider, with OIDC_CLIENT_ID and OIDC_REDIRECT_URIS; the development login does not exist with NODE_ENV=production",
    )
  if (issuer !== undefined && !(URL.canParse(issuer) && (isProduction ? /^https:/ : /^https?:/).test(issuer)))
    refuse(
      "OIDC_ISSUER",
      `an ${isProduction ? "https" : "http(s)"} address, exactly as the provider names itself`,
    )
  if (issuer !== undefined && clientId === undefined)
    refuse("OIDC_CLIENT_ID", "the name under which the provider knows this deployment")
  if (isProduction && redirectUris.length === 0)
    refuse("OIDC_REDIRECT_URIS", "the exact addresses that browsers may be sent back to, with commas")
  if (!redirectUris.every((uri) => URL.canParse(uri)))
    refuse("OIDC_REDIRECT_URIS", "whole addresses with commas, such as https://app.example/callback")
  const tenantClaim = text("OIDC_TENANT_CLAIM") ?? "tenant"
  return { issuer, clientId, clientSecret: text("OIDC_CLIENT_SECRET"), redirectUris, tenantClaim }
}

/** Throws `BadSetting`. */
export const readSettings = (environment: NodeJS.ProcessEnv): Settings => {
  const text = (name: string): string | undefined => environment[name] || undefined
  const whole = (name: string, minimum: number, maximum: number): number | undefined => {
    const value = text(name)
    if (value === undefined) return undefined
    const number = Number(value)
    if (Number.isInteger(number) && number >= minimum && number <= maximum) return number
    throw new BadSetting({ name, value, expected: `a whole number from ${minimum} to ${maximum}` })
  }
  const sync = text("MILLRACE_SYNC") ?? "always"
  if (sync !== "always" && sync !== "default")
    throw new BadSetting({ name: "MILLRACE_SYNC", value: sync, expected: "always or default" })
  const publicUrl = text("MILLRACE_PUBLIC_URL")
  if (publicUrl !== undefined && !/^https?:\/\/[^/?#]+\/?$/.test(publicUrl))
    throw new BadSetting({
      name: "MILLRACE_PUBLIC_URL",
      value: publicUrl,
      expected: "an http(s) address without a path",
    })
  const corsOrigins = originsOf(text("CORS_ORIGINS") ?? "")
  if (corsOrigins === undefined)
    throw new BadSetting({
      name: "CORS_ORIGINS",
      value: text("CORS_ORIGINS")!,
      expected: "exact origins with commas, such as https://app.example; * is none",
    })
  const home = resolve(text("MILLRACE_HOME") ?? ".millrace")
  return {
    home,
    partitions: whole("MILLRACE_PARTITIONS", 1, 1_024) ?? 8,
    nats: {
      url: text("NATS_URL"),
      user: text("NATS_USER"),
      password: text("NATS_PASSWORD"),
      namespace: text("NATS_NAMESPACE") ?? "millrace",
      replicas: whole("MILLRACE_REPLICAS", 1, 5) ?? 1,
      sync,
      storageGib: whole("MILLRACE_STORAGE_GIB", 1, 1_048_576),
    },
    databaseUrl: text("DATABASE_URL"),
    databaseDirectory: text("DATABASE_DIRECTORY") ?? join(home, "pg"),
    egressAllow: readAllowList(environment),
    ...readRates(environment),
    host: text("HOST") ?? "127.0.0.1",
    port: whole("PORT", 0, 65_535) ?? 9_050,
    secretKeys: text("MILLRACE_SECRET_KEYS"),
    login: readLogin(environment),
    administrators: listOf(
      text("MILLRACE_ADMINS") ?? (text("OIDC_ISSUER") === undefined ? developmentUser : undefined),
    ),
    mail: readMail(environment),
    modelCheckEveryMs: (whole("LLM_CHECK_SECONDS", 5, 86_400) ?? 60) * 1_000,
    defaultModel: readDefaultModel(environment),
    web: { publicUrl, corsOrigins },
    log: readLogConfig(
      environment,
      process.stdout.isTTY === true,
      (name, value, expected) => new BadSetting({ name, value, expected }),
    ),
    environment: text("NODE_ENV"),
  }
}
