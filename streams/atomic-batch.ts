/**
 * Writes of many keys as one atomic batch (nats-server 2.12): one fsync instead of one each, and slower than one by
 * one where the server does not fsync before it acknowledges. A batch in which one key is not at its expected revision is refused as a whole; the caller then writes its keys one by one.
 */
import * as Effect from "effect/Effect"
import { type KeyValue, Unavailable } from "../engine/index.ts"
import { readAcknowledgement } from "./acknowledgement.ts"
import type { NatsConnection } from "./connection.ts"
import { batchPosition, expectedLastSubjectSequence, headerBlock } from "./headers.ts"

/** A batch costs milliseconds whatever its size: below this, one by one is as fast. */
const batchedWritesMin = 32
/** The server takes 1,000. */
const batchedWritesMax = 500
const batchBytesMax = 8 * 1024 * 1024

/** Cuts the writes, in order, into batches within the limits. */
export const batchesOf = (
  writes: ReadonlyArray<KeyValue.Write>,
): ReadonlyArray<ReadonlyArray<KeyValue.Write>> => {
  const batches: Array<Array<KeyValue.Write>> = []
  let size = 0
  for (const write of writes) {
    const batch = batches.at(-1)
    size += write.value.length
    if (batch !== undefined && batch.length < batchedWritesMax && size <= batchBytesMax) batch.push(write)
    else {
      batches.push([write])
      size = write.value.length
    }
  }
  return batches
}

/** The new revisions; undefined when nothing was written because the batch as a whole was refused or is too small. */
export const putTogether = (
  nats: NatsConnection,
  port: string,
  subject: (key: string) => string,
  writes: ReadonlyArray<KeyValue.Write>,
): Effect.Effect<ReadonlyArray<number> | undefined, Unavailable> => {
  if (writes.length < batchedWritesMin) return Effect.succeed(undefined)
  const unavailable = (detail: string) => Effect.fail(new Unavailable({ port, detail }))
  return Effect.callback((resume) => {
    if (!nats.status().connected) return resume(unavailable("disconnected"))
    const batch = crypto.randomUUID()
    const last = writes.length - 1
    const headers = (index: number) =>
      headerBlock(
        batchPosition(batch, index + 1, index === last) +
          expectedLastSubjectSequence(writes[index]!.expectedRevision),
      )
    try {
      for (let index = 0; index < last; index++) {
        const { key, value } = writes[index]!
        nats.transport.publish(subject(key), value, { headers: headers(index) })
      }
    } catch (cause) {
      // Never committed: the server forgets what came before.
      return resume(unavailable(String(cause)))
    }
    const { key, value } = writes[last]!
    nats.requests.send(subject(key), value, headers(last), (failure, answer) => {
      if (failure !== undefined) return resume(unavailable(failure.reason))
      const acknowledged = readAcknowledgement(answer!.data)
      if (acknowledged.failure === undefined) {
        // A committed batch has consecutive sequences, and the acknowledgement names the last.
        const first = acknowledged.sequence - last
        return resume(Effect.succeed(writes.map((_, index) => first + index)))
      }
      const { kind } = acknowledged.failure
      if (kind === "conflict" || kind === "undecided") return resume(Effect.succeed(undefined))
      resume(unavailable(acknowledged.failure.detail))
    })
  })
}
