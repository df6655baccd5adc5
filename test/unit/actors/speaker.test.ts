/** What an agent says, as whoever listens hears it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { tokensPerReportMax } from "../../../actors/agent/question.ts"
import {
  aliveEveryMs,
  makeSpeaker,
  reportCharactersMax,
  tokenCharactersMax,
  waitingTokensMax,
} from "../../../actors/agent/speaker.ts"
import { Listener, run, sayAll, speakerFor } from "./listener.ts"

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
