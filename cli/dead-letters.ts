/**
 * Commands that no actor could handle: listed, looked at, and given to their actors again. A crash may have buried one
 * twice, so its id decides. What was re-driven is marked by another message in the same log; nothing is ever removed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Address, type JournalRecord, TraceContext } from "../engine/index.ts"
import { Deployment } from "./deployment.ts"
import { Failure } from "./failure.ts"

/** The engine's letter; `entry` is as the journal holds it. */
const Letter = Schema.Struct({
  id: Schema.String,
  partition: Schema.Int,
  sequence: Schema.Int,
  index: Schema.Int,
  entry: Schema.Unknown,
})
const Redriven = Schema.Struct({ of: Schema.String, as: Schema.String, atMs: Schema.Number })
const Message = Schema.Union([Letter, Schema.Struct({ redriven: Redriven })])
const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(Message))

export interface DeadLetter {
  readonly id: string
  readonly partition: number
  readonly sequence: number
  readonly index: number
  readonly entry: JournalRecord.Entry
  /** Oldest first; empty when nobody has tried again. */
  readonly redriven: ReadonlyArray<typeof Redriven.Type>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Oldest first within a partition. */
export const list = Effect.gen(function* () {
  const { deadLetters, partitions } = yield* Deployment
  const found = new Map<string, DeadLetter>()
  for (let partition = 0; partition < partitions; partition++) {
    const end = (yield* deadLetters.last(partition))?.sequence ?? 0
    if (end === 0) continue
    const reader = yield* deadLetters.open(partition, 0)
    for (let through = 0; through < end; ) {
      for (const { sequence, data } of yield* reader.take) {
        through = sequence
        const message = Option.getOrUndefined(decodeMessage(decoder.decode(data)))
        if (message === undefined) continue
        if ("redriven" in message) {
          const letter = found.get(message.redriven.of)
          if (letter !== undefined)
            found.set(letter.id, { ...letter, redriven: [...letter.redriven, message.redriven] })
        } else if (!found.has(message.id)) {
          found.set(message.id, { ...message, entry: message.entry as JournalRecord.Entry, redriven: [] })
        }
      }
    }
  }
  return [...found.values()]
}).pipe(Effect.scoped)

export const show = Effect.fnUntraced(function* (id: string) {
  const letter = (yield* list).find((one) => one.id === id)
  return letter ?? (yield* new Failure({ reason: `there is no dead letter ${id}` }))
})

/**
 * Sends a letter's command to its actor again, under a new id and below the failed hop of the same trace; answers that
 * id. Idempotence: the source and mark derive from how often the letter was re-driven, so a run that ended between
 * sending and marking may be repeated and the command is handled once. Gotcha: the idempotency key is left out, because
 * the actor remembers the failure as that key's answer.
 */
export const redrive = Effect.fnUntraced(function* (id: string, now: number) {
  const { deadLetters, mailbox, partitions } = yield* Deployment
  const { entry, partition, sequence, index, redriven } = yield* show(id)
  const { cause, to } = entry
  if (cause.t !== "command" || Address.parse(to) === undefined)
    return yield* new Failure({ reason: `dead letter ${id} is a ${cause.t}: only commands can be re-driven` })
  const attempt = redriven.length + 1
  const as = `redrive-${id}-${attempt}`
  const above = TraceContext.parse(cause.trace)
  const spanId = TraceContext.spanIdOf(partition, sequence, index)
  const envelope = {
    id: as,
    to,
    version: cause.version,
    body: cause.body,
    source: `s:redrive-${id}`,
    mark: [attempt, 0],
    trace: above === undefined ? cause.trace : TraceContext.format({ traceId: above.traceId, spanId }),
    ...(cause.from === undefined ? {} : { from: cause.from }),
    ...(cause.principal === undefined ? {} : { principal: cause.principal }),
  }
  yield* mailbox.append(Address.partitionOf(to, partitions), encoder.encode(JSON.stringify([envelope])), {
    id: as,
  })
  const mark = { redriven: { of: id, as, atMs: now } }
  yield* deadLetters.append(partition, encoder.encode(JSON.stringify(mark)), { id: `${as}-mark` })
  return as
})
