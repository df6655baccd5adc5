/**
 * Takes what an agent says and reports it as pieces, each durable before the next. While one report is on its way what
 * follows gathers into the next, so that nothing waits at low load and reports grow at high load. After a crash it
 * tells what is repeated from what is new.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { ActivityFailure } from "../../engine/index.ts"
import { nothingSaid, type Piece, type Said, tokensPerReportMax } from "./question.ts"

/** Tokens that wait to be reported; whoever says more waits. */
export const waitingTokensMax = 2_048
/** An agent that says nothing tells that it is at work this often: well within what a session bears. */
export const aliveEveryMs = 10_000
export const tokenCharactersMax = 2_000
/**
 * Characters of one report. A journal record holds them up to three times (the report, the events, what listeners are
 * told), at up to six bytes each.
 */
export const reportCharactersMax = 16_000

export interface Speaker {
  readonly say: (text: string) => Effect.Effect<void, ActivityFailure>
  readonly isRepeating: () => boolean
  /** What was said until now is durable. Nothing may be said afterwards. For answers that fail. */
  readonly flush: Effect.Effect<void>
  /** The answer is complete and durable; gives the number of its tokens. Nothing may be said afterwards. */
  readonly finish: Effect.Effect<number, ActivityFailure>
}

const differs = () =>
  new ActivityFailure({
    code: "AnswerInterrupted",
    detail: "the answer was cut off, and came out differently when it was asked for again; ask again",
    retryable: false,
  })

const restartReason = "the answer was cut off and is given anew"

type Item = { readonly token: string } | { readonly restart: true } | { readonly alive: true }

/** A token as clients get it; only a very long one is cut, never within a character. */
const tokensOf = (text: string): ReadonlyArray<string> =>
  text.length <= tokenCharactersMax ? [text] : (text.match(/[\s\S]{1,1000}/gu) ?? [])

const endsInHalf = (text: string): boolean => /[\ud800-\udbff]$/.test(text)

/** What waited, as reports that a journal record can hold. `sent`: tokens that were reported before. */
const piecesOf = (items: ReadonlyArray<Item>, sent: number): ReadonlyArray<Piece> => {
  const restart = items.findLastIndex((item) => "restart" in item)
  const groups: Array<Array<string>> = [[]]
  let characters = 0
  for (const item of items.slice(restart + 1)) {
    if (!("token" in item)) continue
    characters += item.token.length
    if (characters > reportCharactersMax) {
      groups.push([])
      characters = item.token.length
    }
    groups.at(-1)!.push(item.token)
  }
  let from = restart < 0 ? sent : 0
  return groups.map((tokens, index) => {
    const piece = { from, tokens, ...(restart >= 0 && index === 0 ? { restart: restartReason } : {}) }
    from += tokens.length
    return piece
  })
}

/** Runs as long as the scope. `said`: what an earlier run of this answer said; undefined when this is the first run. */
export const makeSpeaker = Effect.fnUntraced(function* (options: {
  readonly emit: (piece: Piece) => Effect.Effect<void>
  readonly said: Said | undefined
  readonly onInterruption: "restart" | "fail"
}): Effect.fn.Return<Speaker, never, Scope.Scope> {
  const { emit, onInterruption, said = nothingSaid } = options
  const items = yield* Queue.bounded<Item, Cause.Done>(waitingTokensMax)
  /** Characters of what was said before that were said again. */
  let repeated = 0
  let isRepeating = said.text !== ""
  /** The first half of a character whose second half is still to come. */
  let half = ""
  let sent = said.tokens
  let isReporting = false
  // Nobody knows how long ago an earlier run was heard: this one tells at once that it is there.
  let heardAt = options.said === undefined ? yield* Clock.currentTimeMillis : Number.NEGATIVE_INFINITY

  const report = Effect.fnUntraced(function* (taken: ReadonlyArray<Item>) {
    isReporting = true
    for (const piece of piecesOf(taken, sent)) {
      yield* emit(piece)
      sent = piece.from + piece.tokens.length
    }
    isReporting = false
    heardAt = yield* Clock.currentTimeMillis
  })
  const reporting = yield* Effect.forkScoped(
    Queue.takeBetween(items, 1, tokensPerReportMax).pipe(
      Effect.flatMap(report),
      Effect.forever,
      Effect.ignore,
      // Whoever waits for room must not wait for a reporter that is gone.
      Effect.ensuring(Queue.shutdown(items)),
    ),
  )
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      for (;;) {
        const silentMs = (yield* Clock.currentTimeMillis) - heardAt
        const isSilent = silentMs >= aliveEveryMs && !isReporting
        if (isSilent) yield* Queue.offer(items, { alive: true })
        yield* Effect.sleep(isSilent || isReporting ? aliveEveryMs : aliveEveryMs - silentMs)
      }
    }),
  )

  const put = (wanted: ReadonlyArray<Item>) =>
    Effect.flatMap(Queue.offerAll(items, wanted), (refused) =>
      refused.length === 0
        ? Effect.void
        : Effect.andThen(Fiber.join(reporting), Effect.die(new Error("said after the answer's end"))),
    )
  const utter = (text: string) => put(tokensOf(text).map((token) => ({ token })))
  /** What was said before does not come again: it is void, and all until here is said now. */
  const beginAnew = Effect.suspend(() => {
    isRepeating = false
    if (onInterruption === "fail") return Effect.fail(differs())
    const again = said.text.slice(0, repeated)
    const restarting = put([{ restart: true }])
    return again === "" ? restarting : Effect.andThen(restarting, utter(again))
  })
  const sayWhole = (text: string): Effect.Effect<void, ActivityFailure> => {
    if (text === "") return Effect.void
    if (!isRepeating) return utter(text)
    const before = said.text.slice(repeated, repeated + text.length)
    if (!text.startsWith(before)) return Effect.andThen(beginAnew, utter(text))
    repeated += before.length
    if (repeated < said.text.length) return Effect.void
    isRepeating = false
    return text.length === before.length ? Effect.void : utter(text.slice(before.length))
  }
  const flush = Effect.andThen(Queue.end(items), Fiber.join(reporting))
  return {
    say: (text) =>
      Effect.suspend(() => {
        const whole = half + text
        half = endsInHalf(whole) ? whole.slice(-1) : ""
        return sayWhole((half === "" ? whole : whole.slice(0, -1)).toWellFormed())
      }),
    isRepeating: () => isRepeating,
    flush,
    finish: Effect.gen(function* () {
      yield* sayWhole(half.toWellFormed())
      if (isRepeating) yield* beginAnew
      yield* flush
      return sent
    }),
  }
})
