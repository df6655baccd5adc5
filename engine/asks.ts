/**
 * The asks of this node that wait for an answer, and the answers that this node's partitions owe to others. Answers
 * travel as signals: a lost one ends as a time-out, and the same idempotency key then finds the recorded answer.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ReplyTo } from "./envelope.ts"
import { EngineError } from "./errors.ts"
import type { Limits } from "./limits.ts"
import type { Answer } from "./record.ts"
import type { SignalBus } from "./signals.ts"

export type AskResult = Answer | EngineError

export interface Asks {
  /** Registers an ask; undefined when `pendingAsksMax` is reached. */
  readonly open: (timeoutMs: number, done: (result: AskResult) => void) => number | undefined
  readonly close: (ask: number, result: AskResult) => void
  /** Forgets an ask whose caller went away. */
  readonly forget: (ask: number) => void
  readonly answer: (to: ReplyTo, answer: Answer) => void
  readonly flush: () => void
  readonly pending: () => number
}

const timedOut = () =>
  new EngineError({
    code: "ReplyTimeout",
    detail:
      "the command is stored, but its answer did not come in time; ask again with the same idempotency key",
    accepted: true,
    retryAfterMs: 1_000,
  })

const tickMs = 100
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const topicOf = (node: string): string => `reply.${node}`

export const make = Effect.fnUntraced(function* (options: {
  readonly node: string
  readonly signals: SignalBus
  readonly limits: Limits
}): Effect.fn.Return<Asks, never, Scope.Scope> {
  const { node, signals, limits } = options
  const clock = yield* Clock.Clock
  const pending = new Map<number, (result: AskResult) => void>()
  /** Asks by the tick in which they run out. */
  const deadlines = new Map<number, Array<number>>()
  let owed = new Map<string, Array<readonly [ask: number, answer: Answer]>>()
  let serial = 0
  const tickOf = (time: number) => Math.ceil(time / tickMs)

  const close = (ask: number, result: AskResult) => {
    const done = pending.get(ask)
    if (done === undefined) return
    pending.delete(ask)
    done(result)
  }

  yield* signals.subscribe(topicOf(node), (data) => {
    const answers = JSON.parse(decoder.decode(data)) as ReadonlyArray<readonly [number, Answer]>
    for (const [ask, answer] of answers) close(ask, answer)
  })

  yield* Effect.forkScoped(
    Effect.gen(function* () {
      for (;;) {
        yield* Effect.sleep(tickMs)
        const current = tickOf(clock.currentTimeMillisUnsafe())
        // A jump of the clock may pass many ticks at once: walk what is there, not the ticks.
        for (const [tick, asks] of deadlines) {
          if (tick > current) continue
          deadlines.delete(tick)
          for (const ask of asks) if (pending.has(ask)) close(ask, timedOut())
        }
      }
    }),
  )

  // Whoever still waits when the node ends is told so: the answer would have nowhere to go.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const ask of [...pending.keys()]) {
        close(
          ask,
          new EngineError({ code: "AcceptanceUnknown", detail: "the node stopped before the answer came" }),
        )
      }
    }),
  )

  return {
    open: (timeoutMs, done) => {
      if (pending.size >= limits.pendingAsksMax) return undefined
      const ask = ++serial
      pending.set(ask, done)
      const tick = tickOf(clock.currentTimeMillisUnsafe() + timeoutMs)
      const asks = deadlines.get(tick)
      if (asks === undefined) deadlines.set(tick, [ask])
      else asks.push(ask)
      return ask
    },
    close,
    forget: (ask) => void pending.delete(ask),
    answer: (to, answer) => {
      if (to.node === node) return close(to.ask, answer)
      const answers = owed.get(to.node)
      if (answers === undefined) owed.set(to.node, [[to.ask, answer]])
      else answers.push([to.ask, answer])
    },
    flush: () => {
      if (owed.size === 0) return
      const sending = owed
      owed = new Map()
      for (const [to, answers] of sending) {
        for (let start = 0; start < answers.length; start += answersPerSignal) {
          signals.publish(
            topicOf(to),
            encoder.encode(JSON.stringify(answers.slice(start, start + answersPerSignal))),
          )
        }
      }
    },
    pending: () => pending.size,
  }
})

const answersPerSignal = 256
