/**
 * A deployment as an operator's tool sees it: its logs over a connection of its own. It changes no stream and creates
 * nothing but short-lived readers, so it may be pointed at a running deployment whose configuration it does not know.
 */
import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Log, Unavailable } from "../engine/index.ts"
import { Failure } from "./failure.ts"
import { readNatsFile } from "./files.ts"

type ReadLog = Pick<Log.Log, "last" | "open">

interface DeploymentShape {
  readonly partitions: number
  readonly journal: ReadLog
  readonly mailbox: Pick<Log.Log, "append">
  readonly deadLetters: ReadLog & Pick<Log.Log, "append">
  /** Messages of the trace stream that are stored now. */
  readonly traces: (token: string) => Effect.Effect<ReadonlyArray<Log.LogMessage>, Unavailable>
}

const fetchMax = 1_000
const fetchWaitMs = 1_000

const make = Effect.fnUntraced(function* (environment: NodeJS.ProcessEnv) {
  const file = yield* readNatsFile(environment)
  if (file === undefined)
    return yield* new Failure({
      reason: "no NATS server: set NATS_URL, or run this beside a node's .millrace",
    })
  const { namespace = "millrace", servers, user, pass } = file
  const attempt = <A>(promise: () => Promise<A>) =>
    Effect.tryPromise({
      try: promise,
      catch: (cause) => new Unavailable({ port: "NATS", detail: String(cause) }),
    })
  const connection = yield* Effect.acquireRelease(
    attempt(() =>
      connect({
        servers: typeof servers === "string" ? servers : [...servers],
        name: "millrace-cli",
        ...(user === undefined ? {} : { user }),
        ...(pass === undefined ? {} : { pass }),
      }),
    ),
    (open) => Effect.promise(() => open.close().catch(() => undefined)),
  )
  const manager = yield* attempt(() => jetstreamManager(connection))
  const client = jetstream(connection)
  const nameOf = (suffix: string) => `${namespace.toUpperCase()}_${suffix}`

  const lastOf = (stream: string, subject: string) =>
    attempt(() => manager.streams.getMessage(stream, { last_by_subj: subject })).pipe(
      Effect.map((found) =>
        found === null
          ? undefined
          : { sequence: found.seq, data: found.data, storedAt: found.time.getTime() },
      ),
    )

  const readerOf = (stream: string, subject: string, from: number) =>
    Effect.map(
      attempt(() =>
        client.consumers.get(stream, {
          filter_subjects: subject,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: Math.max(1, from),
        }),
      ),
      (consumer) => {
        const fetch = attempt(async () => {
          const messages: Array<Log.LogMessage> = []
          for await (const message of await consumer.fetch({
            max_messages: fetchMax,
            expires: fetchWaitMs,
          })) {
            const storedAt = message.info.timestampNanos / 1e6
            messages.push({ sequence: message.seq, data: message.data, storedAt })
            if (message.info.pending === 0) break
          }
          return messages
        })
        const take: Log.LogReader["take"] = Effect.flatMap(fetch, (messages) =>
          messages.length > 0 ? Effect.succeed(messages) : take,
        )
        return { take }
      },
    )

  const logOf = (suffix: string, kind: string): ReadLog & Pick<Log.Log, "append"> => {
    const [stream, subject] = [nameOf(suffix), (partition: number) => `${namespace}.${kind}.${partition}`]
    return {
      last: (partition) => lastOf(stream, subject(partition)),
      open: (partition, from) => readerOf(stream, subject(partition), from),
      append: (partition, data, { id }) =>
        attempt(() => client.publish(subject(partition), data, { msgID: `${partition}.${id}` })).pipe(
          Effect.map(({ seq }) => seq),
        ),
    }
  }

  const traces: DeploymentShape["traces"] = Effect.fnUntraced(function* (token) {
    const [stream, subject] = [nameOf("TRACE"), `${namespace}.trace.${token}`]
    const end = (yield* lastOf(stream, subject))?.sequence ?? 0
    const messages: Array<Log.LogMessage> = []
    if (end === 0) return messages
    const reader = yield* readerOf(stream, subject, 0)
    while ((messages.at(-1)?.sequence ?? 0) < end) messages.push(...(yield* reader.take))
    return messages
  })

  const record = yield* lastOf(nameOf("JOURNAL"), `${namespace}.deployment`)
  const { partitions } = JSON.parse(new TextDecoder().decode(record?.data) || "{}") as {
    readonly partitions?: number
  }
  if (partitions === undefined)
    return yield* new Failure({ reason: `there is no deployment "${namespace}" on this NATS server` })
  return Deployment.of({
    partitions,
    journal: logOf("JOURNAL", "journal"),
    mailbox: logOf("MAILBOX", "mailbox"),
    deadLetters: logOf("DEADLETTER", "deadletter"),
    traces,
  })
})

export class Deployment extends Context.Service<Deployment, DeploymentShape>()("millrace/cli/Deployment") {
  /** Errors: `Failure` when there is no such deployment, `Unavailable` when its server does not answer. */
  static readonly layer = (environment: NodeJS.ProcessEnv): Layer.Layer<Deployment, Failure | Unavailable> =>
    Layer.effect(Deployment, make(environment))
}
