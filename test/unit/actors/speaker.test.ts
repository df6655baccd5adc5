/** What an agent says, as whoever listens hears it: whatever the chunking, wherever a crash comes. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Piece, type Said, tokensPerReportMax } from "../../../actors/agent/question.ts"
import {
  aliveEveryMs,
  makeSpeaker,
  reportCharactersMax,
  tokenCharactersMax,
  waitingTokensMax,
} from "../../../actors/agent/speaker.ts"
import { VirtualTime } from "../../../engine/testkit/virtual-time.ts"

const run = <A>(body: (time: VirtualTime) => Effect.Effect<A, unknown, Scope.Scope>): A => {
  const time = new VirtualTime("speaker")
  const exit = time.run(Effect.scoped(body(time)))
  if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  return exit.value
}

/** Takes reports in as a session does: what is missing is an error, what overlaps is heard once, a restart is void. */
class Listener {
  tokens: Array<string> = []
  restarts = 0
  readonly reports: Array<Piece> = []
  readonly hear = (piece: Piece) => {
    this.reports.push(piece)
    if (piece.restart !== undefined) {
      this.restarts += 1
      this.tokens = []
    }
    if (piece.from > this.tokens.length) throw new Error(`tokens are missing before ${piece.from}`)
    this.tokens.push(...piece.tokens.slice(this.tokens.length - piece.from))
  }
  get text() {
    return this.tokens.join("")
  }
  get said(): Said {
    return { text: this.text, tokens: this.tokens.length }
  }
}

interface Wanted {
  readonly listener: Listener
  readonly said?: Said
  readonly onInterruption?: "restart" | "fail"
  /** How long a report takes. */
  readonly emitMs?: number
}

const speakerFor = ({ listener, said, onInterruption = "restart", emitMs = 5 }: Wanted) =>
  makeSpeaker({
    emit: (piece) =>
      Effect.andThen(
        Effect.sleep(emitMs),
        Effect.sync(() => listener.hear(piece)),
      ),
    said,
    onInterruption,
  })

const sayAll = (speaker: Effect.Success<ReturnType<typeof makeSpeaker>>, pieces: ReadonlyArray<string>) =>
  Effect.forEach(pieces, (piece) => speaker.say(piece), { discard: true })

describe("what is said", () => {
  it("is heard in order, each word once, and counted", () => {
    const listener = new Listener()
    const tokens = run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener })
        for (const word of ["a", "", "b", "c"]) yield* speaker.say(word)
        return yield* speaker.finish
      }),
    )
    expect([listener.tokens, tokens]).toEqual([["a", "b", "c"], 3])
  })

  it("gathers while a report is on its way, and waits for nothing else", () => {
    const listener = new Listener()
    run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener, emitMs: 100 })
        yield* speaker.say("first")
        yield* Effect.sleep(10)
        yield* sayAll(speaker, ["second", "third", "fourth"])
        yield* speaker.finish
      }),
    )
    expect(listener.reports.map(({ tokens }) => tokens.length)).toEqual([1, 3])
  })

  it("never exceeds what a journal record holds in one report", () => {
    const listener = new Listener()
    const long = "x".repeat(tokenCharactersMax)
    run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener })
        yield* sayAll(speaker, [...Array<string>(100).fill(long), ...Array<string>(600).fill("y")])
        yield* speaker.finish
      }),
    )
    for (const { tokens } of listener.reports) {
      expect(tokens.length).toBeLessThanOrEqual(tokensPerReportMax)
      expect(tokens.join("").length).toBeLessThanOrEqual(reportCharactersMax)
    }
    expect(listener.text).toBe(long.repeat(100) + "y".repeat(600))
  })

  it("waits for room when listeners are far behind", () => {
    const listener = new Listener()
    run((time) =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener, emitMs: 1_000 })
        const began = time.now
        yield* sayAll(speaker, Array<string>(waitingTokensMax).fill("z"))
        expect(time.now - began).toBeLessThan(1_000)
        yield* sayAll(speaker, Array<string>(2 * tokensPerReportMax).fill("z"))
        expect(time.now - began).toBeGreaterThanOrEqual(1_000)
        expect(yield* speaker.finish).toBe(waitingTokensMax + 2 * tokensPerReportMax)
      }),
    )
  })

  it("is never cut within a character, neither by us nor by whoever sends it in halves", () => {
    const listener = new Listener()
    const emoji = "😀".repeat(tokenCharactersMax)
    run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener })
        yield* sayAll(speaker, [emoji, "a\ud83d", "\ude00b", "\ude00 alone", " end \ud83d"])
        yield* speaker.finish
      }),
    )
    for (const token of listener.tokens) expect(token.isWellFormed()).toBe(true)
    expect(listener.text).toBe(`${emoji}a😀b\ufffd alone end \ufffd`)
  })

  it("is an error after the end, rather than lost", () => {
    const listener = new Listener()
    const exit = run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener })
        yield* speaker.finish
        return yield* Effect.exit(speaker.say("too late"))
      }),
    )
    expect(String(exit._tag === "Failure" && Cause.squash(exit.cause))).toMatch(/after the answer's end/)
  })

  it("ends when reports cannot be made, also for who waits for room", () => {
    const exits = run(() =>
      Effect.gen(function* () {
        const speaker = yield* makeSpeaker({
          emit: () => Effect.andThen(Effect.sleep(50), Effect.die(new Error("the record is too large"))),
          said: undefined,
          onInterruption: "restart",
        })
        const saying = yield* Effect.forkChild(sayAll(speaker, Array<string>(3 * waitingTokensMax).fill("z")))
        const said = yield* Fiber.await(saying)
        return [said, yield* Effect.exit(speaker.finish)]
      }),
    )
    for (const exit of exits)
      expect(String(exit._tag === "Failure" && Cause.squash(exit.cause))).toMatch(/too large/)
  })

  it("is heard in full before an answer that fails ends", () => {
    const listener = new Listener()
    run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener, emitMs: 100 })
        yield* sayAll(speaker, ["a", "b"])
        yield* Effect.sleep(10)
        yield* sayAll(speaker, ["c", "d"])
        yield* speaker.flush
      }),
    )
    expect(listener.text).toBe("abcd")
  })
})

describe("an agent that is silent", () => {
  const reportsAfter = (silentMs: number, wordsEveryMs?: number) => {
    const listener = new Listener()
    run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({ listener })
        for (let waited = 0; waited < silentMs; waited += wordsEveryMs ?? silentMs) {
          yield* Effect.sleep(wordsEveryMs ?? silentMs)
          if (wordsEveryMs !== undefined) yield* speaker.say("w")
        }
      }),
    )
    return listener.reports
  }

  it("tells that it is at work, as often as was agreed", () => {
    expect(reportsAfter(3 * aliveEveryMs + 1_000)).toEqual(Array(3).fill({ from: 0, tokens: [] }))
  })

  it("does not while it speaks", () => {
    expect(
      reportsAfter(4 * aliveEveryMs, aliveEveryMs / 3).filter(({ tokens }) => tokens.length === 0),
    ).toEqual([])
  })

  it("is never silent for much longer, wherever its words fall", () => {
    const times: Array<number> = []
    run((time) =>
      Effect.gen(function* () {
        const speaker = yield* makeSpeaker({
          emit: () => Effect.sync(() => void times.push(time.now)),
          said: undefined,
          onInterruption: "restart",
        })
        yield* Effect.sleep(aliveEveryMs / 10)
        yield* speaker.say("w")
        yield* Effect.sleep(3 * aliveEveryMs)
      }),
    )
    const gaps = times.slice(1).map((time, index) => time - times[index]!)
    expect(times.length).toBeGreaterThan(2)
    for (const gap of gaps) expect(gap).toBeLessThanOrEqual(aliveEveryMs + 100)
  })

  it("tells at once that it is there when it runs again", () => {
    const listener = new Listener()
    listener.hear({ from: 0, tokens: ["a"] })
    run(() =>
      Effect.gen(function* () {
        yield* speakerFor({ listener, said: listener.said })
        yield* Effect.sleep(100)
      }),
    )
    expect(listener.reports.slice(1)).toEqual([{ from: 1, tokens: [] }])
  })
})

describe("an answer that runs again", () => {
  const again = (
    before: ReadonlyArray<string>,
    now: ReadonlyArray<string>,
    onInterruption?: "restart" | "fail",
  ) => {
    const listener = new Listener()
    if (before.length > 0) listener.hear({ from: 0, tokens: before })
    const ended = run(() =>
      Effect.gen(function* () {
        const speaker = yield* speakerFor({
          listener,
          said: listener.said,
          ...(onInterruption === undefined ? {} : { onInterruption }),
        })
        yield* sayAll(speaker, now)
        return yield* speaker.finish
      }).pipe(Effect.result),
    )
    return { listener, ended }
  }

  it("goes on where it was cut off, whatever the chunking", () => {
    const { listener, ended } = again(["Hel", "lo wo"], ["He", "llo w", "orld", "!"])
    expect([listener.text, listener.restarts]).toEqual(["Hello world!", 0])
    expect(ended).toMatchObject({ _tag: "Success", success: listener.tokens.length })
  })

  it("begins anew when it comes out differently, with nothing of the first run left", () => {
    const { listener } = again(["Hel", "lo wo"], ["Hello", " there"])
    expect([listener.text, listener.restarts]).toEqual(["Hello there", 1])
  })

  it("begins anew when it comes out shorter", () => {
    const { listener } = again(["Hel", "lo wo"], ["Hello"])
    expect([listener.text, listener.restarts]).toEqual(["Hello", 1])
  })

  it("is void when there is nothing to say any more", () => {
    const { listener, ended } = again(["Hel"], [])
    expect([listener.text, listener.restarts, ended]).toMatchObject(["", 1, { success: 0 }])
  })

  it("fails instead where the agent is set so, and leaves what was heard", () => {
    const { listener, ended } = again(["Hel", "lo"], ["Good", " day"], "fail")
    expect([listener.text, listener.restarts]).toEqual(["Hello", 0])
    expect(ended).toMatchObject({ _tag: "Failure", failure: { code: "AnswerInterrupted", retryable: false } })
  })

  it("ends as the second run said it, wherever the first one was cut off", () => {
    const alphabet = fc.constantFrom("a", "b", " ", "가", "😀")
    const pieces = fc.array(
      fc.array(alphabet, { maxLength: 4 }).map((letters) => letters.join("")),
      {
        maxLength: 12,
      },
    )
    /** The same text in other pieces, cut between any two code units, and perhaps something else at the end. */
    const second = (first: ReadonlyArray<string>) =>
      fc
        .tuple(fc.array(fc.nat(60), { maxLength: 10 }), fc.option(pieces), fc.boolean())
        .map(([cuts, other, same]) => {
          const text = same ? first.join("") + (other ?? []).join("") : (other ?? []).join("")
          const points = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].sort(
            (a, b) => a - b,
          )
          return points.slice(1).map((point, index) => text.slice(points[index], point))
        })
    const plans = pieces.chain((first) =>
      fc.record({ first: fc.constant(first), again: second(first), durable: fc.nat(12), pauseMs: fc.nat(9) }),
    )
    let restarts = 0
    let continued = 0
    fc.assert(
      fc.property(plans, ({ first, again, durable, pauseMs }) => {
        const listener = new Listener()
        run(() =>
          Effect.gen(function* () {
            const node = yield* Scope.make()
            let reports = 0
            const speaker = yield* makeSpeaker({
              emit: (piece) =>
                Effect.andThen(
                  Effect.sleep(5),
                  Effect.suspend(() =>
                    reports++ < durable ? Effect.sync(() => listener.hear(piece)) : Effect.never,
                  ),
                ),
              said: undefined,
              onInterruption: "restart",
            }).pipe(Effect.provideService(Scope.Scope, node))
            for (const piece of first) {
              yield* speaker.say(piece)
              yield* Effect.sleep(pauseMs)
            }
            yield* Effect.sleep(1_000)
            yield* Scope.close(node, Exit.void)
          }),
        )
        const before = listener.said
        const tokens = run(() =>
          Effect.gen(function* () {
            const speaker = yield* speakerFor({ listener, said: before })
            for (const piece of again) {
              yield* speaker.say(piece)
              yield* Effect.sleep(pauseMs)
            }
            return yield* speaker.finish
          }),
        )
        const text = again.join("")
        expect(listener.text).toBe(text)
        expect(tokens).toBe(listener.tokens.length)
        expect(listener.restarts).toBe(text.startsWith(before.text) ? 0 : 1)
        restarts += listener.restarts
        if (before.text !== "" && listener.restarts === 0) continued += 1
      }),
      { numRuns: 500 },
    )
    // Both ways were walked often.
    expect(Math.min(restarts, continued)).toBeGreaterThan(50)
  })
})
