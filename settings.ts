/**
 * What the environment says about this node, with every default. An empty variable counts as not set; one that cannot
 * be understood is refused by name, with what it may be.
 */
import { join, resolve } from "node:path"
import * as Schema from "effect/Schema"
import {
  parseRatePolicies,
  parseTrustedProxies,
  type RatePolicies,
  type TrustedProxies,
} from "./gateway/index.ts"
import { type AllowList, parseAllowList } from "./resources/index.ts"

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
  /** What browsers are told. */
  readonly web: {
    /** `MILLRACE_PUBLIC_URL`: where people reach the node. With `https` browsers are told to use nothing else. */
    readonly publicUrl: string | undefined
    /** `CORS_ORIGINS`: exact origins of pages that may call, with commas. Default: none. */
    readonly corsOrigins: ReadonlyArray<string>
  }
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

/** Undefined for what is no origin, such as `*` or one with a path. */
const originsOf = (text: string): ReadonlyArray<string> | undefined => {
  const origins = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
  const isOrigin = (one: string) => /^https?:/.test(one) && URL.canParse(one) && new URL(one).origin === one
  return origins.every(isOrigin) ? origins : undefined
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
    web: { publicUrl, corsOrigins },
    environment: text("NODE_ENV"),
  }
}
