/** The memory twin of a durable log. The store outlives the nodes that use it, as a server would. */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { Conflict, LogFull } from "../errors.ts"
import type { Log, LogMessage } from "../log.ts"
import { type Interference, none } from "./interference.ts"

/** As of a server with its default max_payload. */
export const payloadBytesMax = 1024 * 1024

/** All partitions share one numbering, as the subjects of one stream do. */
export class LogStore {
  private sequence = 0
  private readonly partitions = new Map<number, Array<LogMessage>>()
  private waiting = new Set<Latch.Latch>()
  private readonly lasts = new Map<number, number>()
  readonly now: () => number
  readonly messagesMax: number
  /** Sequences by message id, when the store drops repeats as JetStream does within its window. */
  private readonly ids: Map<string, number> | undefined

  /** `messagesMax` bounds each partition. */
  constructor(
    options: {
      readonly now?: () => number
      readonly messagesMax?: number
      readonly dropsRepeats?: boolean
    } = {},
  ) {
    this.ids = options.dropsRepeats === true ? new Map() : undefined
    this.now = options.now ?? (() => 0)
    this.messagesMax = options.messagesMax ?? Number.POSITIVE_INFINITY
  }

  append(
    partition: number,
    data: Uint8Array,
    expectedLast: number | undefined,
    id = "",
  ): number | Conflict | LogFull {
    const repeated = this.ids?.get(`${partition} ${id}`)
    if (repeated !== undefined) return repeated
    if (data.length > payloadBytesMax) {
      return new LogFull({
        port: "memory log",
        detail: `larger than ${payloadBytesMax} bytes`,
        tooLarge: true,
      })
    }
    const messages = this.messages(partition)
    const last = this.lasts.get(partition) ?? 0
    if (expectedLast !== undefined && expectedLast !== last) {
      return new Conflict({ port: "memory log", expected: expectedLast })
    }
    if (messages.length >= this.messagesMax) {
      return new LogFull({ port: "memory log", detail: `${this.messagesMax} messages` })
    }
    const sequence = ++this.sequence
    messages.push({ sequence, data, storedAt: this.now() })
    this.lasts.set(partition, sequence)
    this.ids?.set(`${partition} ${id}`, sequence)
    const waiting = this.waiting
    this.waiting = new Set()
    for (const latch of waiting) latch.openUnsafe()
    return sequence
  }

  messages(partition: number): Array<LogMessage> {
    let messages = this.partitions.get(partition)
    if (messages === undefined) {
      messages = []
      this.partitions.set(partition, messages)
    }
    return messages
  }

  /** The messages from a sequence on. */
  from(partition: number, sequence: number, max: number): ReadonlyArray<LogMessage> {
    const messages = this.messages(partition)
    let low = 0
    let high = messages.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (messages[middle]!.sequence < sequence) low = middle + 1
      else high = middle
    }
    return messages.slice(low, low + max)
  }

  trim(partition: number, through: number): void {
    const messages = this.messages(partition)
    let count = 0
    while (count < messages.length && messages[count]!.sequence <= through) count += 1
    messages.splice(0, count)
  }

  /** Opens the latch at the next append. */
  wait(latch: Latch.Latch): void {
    this.waiting.add(latch)
  }
}

const takeMax = 64

export const makeLog = (store: LogStore, interference: Interference = none): Log => ({
  append: Effect.fnUntraced(function* (partition, data, options) {
    const result = yield* interference.run("append", () =>
      store.append(partition, data, options.expectedLast, options.id),
    )
    return typeof result === "number" ? result : yield* result
  }),
  last: (partition) => interference.run("last", () => store.messages(partition).at(-1)),
  open: (partition, from) =>
    interference.run("open", () => {
      let next = from
      return {
        take: Effect.gen(function* () {
          for (;;) {
            const taken = yield* interference.run("take", () => store.from(partition, next, takeMax))
            const last = taken.at(-1)
            if (last !== undefined) {
              next = last.sequence + 1
              return taken
            }
            const latch = Latch.makeUnsafe()
            store.wait(latch)
            if (store.from(partition, next, 1).length > 0) continue
            yield* latch.await
          }
        }),
      }
    }),
  trim: (partition, through) => interference.run("trim", () => store.trim(partition, through)),
})
