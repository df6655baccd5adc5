/**
 * The engine's key-value store on a stream that keeps one message per subject. A revision is the stream's sequence;
 * removal purges the subject, so that nothing is left behind and the next put expects revision 0.
 */
import * as Effect from "effect/Effect"
import { Conflict, type KeyValue, Unavailable } from "../engine/index.ts"
import { callApi } from "./api.ts"
import { batchesOf, putTogether } from "./atomic-batch.ts"
import type { NatsConnection } from "./connection.ts"
import { expectedLastSubjectSequence, headerBlock } from "./headers.ts"
import { readLatest } from "./latest.ts"
import { encodeToken } from "./token.ts"
import type { StreamSettings } from "./topology.ts"

export interface KeyValueOptions {
  readonly stream: StreamSettings
  readonly subject: (token: string) => string
  /** Write many keys as one atomic batch. Pays only where the server syncs to disk before it acknowledges. */
  readonly batched: boolean
}

const port = "KeyValue"
const unavailable = (detail: string) => new Unavailable({ port, detail })

/** Sends all requests at once, in order, and answers when the last answer is there or at the first failure. */
const pipelined = <I, O>(
  inputs: ReadonlyArray<I>,
  send: (input: I, done: (failure: string | undefined, output: O) => void) => void,
): Effect.Effect<ReadonlyArray<O>, Unavailable> =>
  inputs.length === 0
    ? Effect.succeed([])
    : Effect.callback((resume) => {
        const outputs = new Array<O>(inputs.length)
        let missing = inputs.length
        inputs.forEach((input, index) => {
          send(input, (failure, output) => {
            if (failure !== undefined) return resume(Effect.fail(unavailable(failure)))
            outputs[index] = output
            if (--missing === 0) resume(Effect.succeed(outputs))
          })
        })
      })

export const makeKeyValue = (nats: NatsConnection, options: KeyValueOptions): KeyValue.KeyValueStore => {
  const { stream } = options
  const subject = (key: string) => options.subject(encodeToken(key))

  const getMany: KeyValue.KeyValueStore["getMany"] = (keys) =>
    pipelined<string, KeyValue.Stored | undefined>(keys, (key, done) =>
      readLatest(nats.requests, stream, subject(key), (failure, latest) =>
        done(failure, latest === undefined ? undefined : { value: latest.data, revision: latest.sequence }),
      ),
    )

  const putEach: KeyValue.KeyValueStore["putMany"] = (writes) =>
    pipelined<(typeof writes)[number], number | Conflict>(writes, (write, done) =>
      nats.publisher.publish(
        subject(write.key),
        write.value,
        headerBlock(expectedLastSubjectSequence(write.expectedRevision)),
        (failure, sequence) => {
          if (failure === undefined) return done(undefined, sequence)
          if (failure.kind !== "conflict") return done(failure.detail, 0)
          done(undefined, new Conflict({ port, expected: write.expectedRevision }))
        },
      ),
    )

  const putMany: KeyValue.KeyValueStore["putMany"] = options.batched
    ? (writes) =>
        Effect.map(
          Effect.forEach(batchesOf(writes), (batch) =>
            Effect.flatMap(putTogether(nats, port, subject, batch), (revisions) =>
              revisions === undefined ? putEach(batch) : Effect.succeed(revisions),
            ),
          ),
          (answers) => answers.flat(),
        )
    : putEach

  const removeMany: KeyValue.KeyValueStore["removeMany"] = (keys) =>
    pipelined<string, undefined>(keys, (key, done) =>
      callApi(nats.requests, `$JS.API.STREAM.PURGE.${stream.name}`, { filter: subject(key) }, (error) =>
        done(error?.message, undefined),
      ),
    ).pipe(Effect.asVoid)

  return { getMany, putMany, removeMany }
}
