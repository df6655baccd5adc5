/** What an agent says when its answer runs again after a crash: whatever the chunking, wherever the crash comes. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeSpeaker } from "../../../actors/agent/speaker.ts"
import { Listener, run, sayAll, speakerFor } from "./listener.ts"

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
