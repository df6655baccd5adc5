/**
 * Takes what an agent says and reports it as pieces, each durable before the next. While one report is on its way what
 * follows gathers into the next, so that nothing waits at low load and reports grow at high load. After a crash it
 * tells what is repeated from what is new.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { ActivityFailure } from "../../engine/index.ts"
import { type Piece, type Said, tokensPerReportMax } from "./question.ts"

/** Tokens that wait to be reported; whoever says more waits. */
export const waitingTokensMax = 2_048
/** An agent that says nothing tells that it is at work this often: well within what a session bears. */
export const aliveEveryMs = 10_000
export const tokenCharactersMax = 2_000

export interface Speaker {
  readonly say: (text: string) => Effect.Effect<void, ActivityFailure>
  readonly isRepeating: () => boolean
  /** Everything is durable; gives the number of tokens. Nothing may be said afterwards. */
  readonly finish: Effect.Effect<number, ActivityFailure>
}

const differs = () =>
  new ActivityFailure({
    code: "AnswerInterrupted",
    detail: "the answer was cut off, and came out differently when it was asked for again; ask again",
    retryable: false,
  })

const restartReason = "the answer was cut off and is given anew"

type Item = { readonly token: string } | { readonly restart: string } | { readonly alive: true }

/** A token as clients get it; only a very long one is cut, never within a character. */
const tokensOf = (text: string): ReadonlyArray<string> =>
  text.length <= tokenCharactersMax ? [text] : (text.match(/[\s\S]{1,1000}/gu) ?? [])

/** Runs as long as the scope. */
export const makeSpeaker = Effect.fnUntraced(function* (options: {
  readonly emit: (piece: Piece) => Effect.Effect<void>
  readonly said: Said
  readonly onInterruption: "restart" | "fail"
}): Effect.fn.Return<Speaker, never, Scope.Scope> {
  const { emit, said, onInterruption } = options
  const items = yield* Queue.bounded<Item, Cause.Done>(waitingTokensMax)
  /** Characters of what was said before that were said again. */
  let repeated = 0
  let isRepeating = said.text !== ""
  let sent = said.tokens
  let isReporting = false
  let reports = 0

  const report = Effect.fnUntraced(function* (taken: ReadonlyArray<Item>) {
    const restart = taken.findLastIndex((item) => "restart" in item)
    if (restart >= 0) sent = 0
    const tokens = taken.slice(restart + 1).flatMap((item) => ("token" in item ? [item.token] : []))
    isReporting = true
    yield* emit({ from: sent, tokens, ...(restart < 0 ? {} : { restart: restartReason }) })
    sent += tokens.length
    isReporting = false
    reports += 1
  })
  const reporting = yield* Effect.forkScoped(
    Effect.forever(Effect.flatMap(Queue.takeBetween(items, 1, tokensPerReportMax), report)),
  )
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      for (;;) {
        const before = reports
        yield* Effect.sleep(aliveEveryMs)
        if (reports === before && !isReporting) yield* Queue.offer(items, { alive: true })
      }
    }),
  )

  const utter = (text: string) =>
    Effect.asVoid(
      Queue.offerAll(
        items,
        tokensOf(text).map((token) => ({ token })),
      ),
    )
  /** What was said before does not come again: it is void, and all until here is said now. */
  const beginAnew = Effect.suspend(() => {
    isRepeating = false
    if (onInterruption === "fail") return Effect.fail(differs())
    const again = said.text.slice(0, repeated)
    const restarting = Queue.offer(items, { restart: restartReason })
    return again === "" ? Effect.asVoid(restarting) : Effect.andThen(restarting, utter(again))
  })
  const say = (text: string): Effect.Effect<void, ActivityFailure> =>
    Effect.suspend(() => {
      if (text === "") return Effect.void
      if (!isRepeating) return utter(text)
      const before = said.text.slice(repeated, repeated + text.length)
      if (!text.startsWith(before)) return Effect.andThen(beginAnew, utter(text))
      repeated += before.length
      if (repeated < said.text.length) return Effect.void
      isRepeating = false
      return text.length === before.length ? Effect.void : utter(text.slice(before.length))
    })
  return {
    say,
    isRepeating: () => isRepeating,
    finish: Effect.gen(function* () {
      if (isRepeating) yield* beginAnew
      yield* Queue.end(items)
      yield* Fiber.await(reporting)
      return sent
    }),
  }
})
