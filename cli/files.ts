/**
 * What a node on this machine leaves for its operator's tools, under its home (`.millrace` or `MILLRACE_HOME`), readable
 * by its owner only. `node.json`: how to reach it over HTTP. `nats.json`: how to reach its NATS server, used unless
 * `NATS_URL` names one.
 */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const NodeFile = Schema.Struct({ url: Schema.String, token: Schema.optionalKey(Schema.String) })
export type NodeFile = typeof NodeFile.Type

const NatsFile = Schema.Struct({
  servers: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  user: Schema.optionalKey(Schema.String),
  pass: Schema.optionalKey(Schema.String),
  /** Prefix of the deployment's streams. Default: `millrace`. */
  namespace: Schema.optionalKey(Schema.String),
})
export type NatsFile = typeof NatsFile.Type

export const homeOf = (environment: NodeJS.ProcessEnv): string => environment.MILLRACE_HOME || ".millrace"

const read = <A>(schema: Schema.Codec<A>, path: string): Effect.Effect<A | undefined> =>
  Effect.promise(() => readFile(path, "utf8").catch(() => "")).pipe(
    Effect.map((text) => Option.getOrUndefined(Schema.decodeOption(Schema.fromJsonString(schema))(text))),
  )

export const readNodeFile = (environment: NodeJS.ProcessEnv) =>
  read(NodeFile, join(homeOf(environment), "node.json"))

/** `NATS_URL` with `NATS_USER`, `NATS_PASSWORD` and `NATS_NAMESPACE`, or the file. */
export const readNatsFile = (environment: NodeJS.ProcessEnv): Effect.Effect<NatsFile | undefined> => {
  const { NATS_URL: url, NATS_USER: user, NATS_PASSWORD: pass, NATS_NAMESPACE: namespace } = environment
  if (!url) return read(NatsFile, join(homeOf(environment), "nats.json"))
  return Effect.succeed({
    servers: url.split(","),
    ...(user ? { user } : {}),
    ...(pass ? { pass } : {}),
    ...(namespace ? { namespace } : {}),
  })
}
