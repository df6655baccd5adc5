/**
 * The engine's log on a JetStream stream with one subject per partition. A sequence is the stream's, so it grows
 * within a partition without being dense. Appends are ordered per partition by the stream alone.
 */
import * as Effect from "effect/Effect"
import { Conflict, type Log, LogFull, Unavailable } from "../engine/index.ts"
import type { PublishFailure } from "./acknowledgement.ts"
import { call } from "./api.ts"
import type { Limits } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import { expectedLastSubjectSequence, headerBlock, messageId } from "./headers.ts"
import { type Latest, plain, readLatest } from "./latest.ts"
import { openReader } from "./reader.ts"
import type { StreamSettings } from "./topology.ts"

export interface StreamLogOptions {
  /** Names the port in errors. */
  readonly port: string
  readonly stream: StreamSettings
  readonly subject: (partition: number) => string
  readonly limits: Limits
  /**
   * A subject without messages expects 0 again, so a log under compare-and-set never loses the last one:
   * `trim` stops before it.
   */
  readonly keepLast: boolean
}

type AppendError = Unavailable | LogFull | Conflict

/** Whatever the retried append meets first, the sequence check or the id check: both end at the stored sequence. */
export const makeStreamLog = (nats: NatsConnection, options: StreamLogOptions): Log.Log => {
  const { port, stream, subject, limits } = options
  const unavailable = (detail: string) => new Unavailable({ port, detail })

  const latest = (partition: number) =>
    Effect.callback<Latest | undefined, Unavailable>((resume) =>
      readLatest(nats.requests, stream, subject(partition), (failure, found) =>
        resume(failure === undefined ? Effect.succeed(found) : Effect.fail(unavailable(failure))),
      ),
    )

  const failed = (
    failure: PublishFailure,
    partition: number,
    id: string,
    expected: number,
  ): Effect.Effect<number, AppendError> => {
    if (failure.kind === "full") return Effect.fail(new LogFull({ port, detail: failure.detail }))
    if (failure.kind !== "conflict") return Effect.fail(unavailable(failure.detail))
    // Perhaps an earlier attempt of this very append won, and its acknowledgement was lost.
    return Effect.flatMap(latest(partition), (last) =>
      last?.messageId === encodeURIComponent(id)
        ? Effect.succeed(last.sequence)
        : Effect.fail(new Conflict({ port, expected })),
    )
  }

  const append: Log.Log["append"] = (partition, data, { id, expectedLast }) =>
    Effect.callback((resume) => {
      // Two owners may race with the same id: under compare-and-set only a repeat by this very process is a repeat.
      const ownId = expectedLast === undefined ? `${partition}.${id}` : `${nats.instance}.${partition}.${id}`
      const condition = expectedLast === undefined ? "" : expectedLastSubjectSequence(expectedLast)
      nats.publisher.publish(
        subject(partition),
        data,
        headerBlock(messageId(ownId) + condition),
        (failure, sequence) =>
          resume(
            failure === undefined
              ? Effect.succeed(sequence)
              : failed(failure, partition, ownId, expectedLast ?? 0),
          ),
      )
    })

  const last: Log.Log["last"] = (partition) =>
    Effect.map(latest(partition), (found): Log.LogMessage | undefined => {
      if (found === undefined) return undefined
      return { sequence: found.sequence, data: found.data, storedAt: found.storedAt }
    })

  const open: Log.Log["open"] = (partition, from) =>
    openReader(
      nats,
      {
        port,
        stream: stream.name,
        filter: subject(partition),
        start: { sequence: from },
        read: (message, { sequence, storedAt }): Log.LogMessage => ({
          sequence,
          data: plain(message.data),
          storedAt,
        }),
      },
      limits,
    )

  const trim: Log.Log["trim"] = Effect.fnUntraced(function* (partition, through) {
    const kept = options.keepLast ? yield* latest(partition) : undefined
    // The server purges up to `seq` and keeps the message at it.
    const seq = Math.min(through + 1, kept?.sequence ?? Number.MAX_SAFE_INTEGER)
    yield* call(nats.requests, `$JS.API.STREAM.PURGE.${stream.name}`, {
      filter: subject(partition),
      seq,
    }).pipe(Effect.mapError((error) => unavailable(error.message)))
  })

  return { append, last, open, trim }
}
