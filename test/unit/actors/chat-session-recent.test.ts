import { describe, expect, it } from "vitest"
import {
  eventsAfter,
  groupTokensMax,
  nothingRecent,
  oldestOf,
  type Recent,
  recentCharactersMax,
  turnCharactersMax,
  type Unnumbered,
  withEvent,
  withTokens,
} from "../../../actors/chat-session/recent.ts"
import type { SessionEvent } from "../../../schemas/index.ts"

const start: Unnumbered = { type: "stream_start", session_id: "s", agent_id: "a" }
const end: Unnumbered = { type: "stream_end", total_tokens: 0, execution_time: 0 }
const all = { events: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY }

/** A turn in reports of these sizes; each token has so many characters. */
const withTurn = (recent: Recent, turn: number, reports: ReadonlyArray<number>, characters = 3): Recent => {
  let index = 0
  const said = reports.reduce(
    (kept, size, report) => {
      const tokens = Array.from({ length: size }, (_, place) => `${index + place}`.padEnd(characters, "…"))
      const next = withTokens(kept, turn, turn * 1_000 + report, index, tokens)
      index += size
      return next
    },
    withEvent(recent, turn, turn * 1_000, start),
  )
  return withEvent(said, turn, turn * 1_000 + 999, end)
}
const numbersOf = (events: ReadonlyArray<SessionEvent>) => events.map(({ n }) => n)
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

describe("the newest events of a session", () => {
  it("are read as they were told, whatever the reports were and wherever reading begins", () => {
    const told: Array<SessionEvent> = []
    let recent = nothingRecent
    const step = (next: Recent) => {
      told.push(...eventsAfter(next, recent.last, all))
      recent = next
    }
    step(withEvent(recent, 1, 5, start))
    for (const [report, size] of [1, 7, 300, 256, 255, 2, 0, 40].entries()) {
      const index = recent.last - 1
      const tokens = Array.from({ length: size }, (_, place) =>
        `${index + place}🙂`.slice(0, 1 + (place % 4)),
      )
      step(withTokens(recent, 1, 10 + report, index, tokens))
    }
    step(withEvent(recent, 1, 99, end))
    expect(numbersOf(told)).toEqual(range(1, 863))
    expect(eventsAfter(recent, 0, all)).toEqual(told)
    for (const after of [0, 1, 2, 255, 256, 257, 258, 860, 862, 863, 900])
      expect(eventsAfter(recent, after, all)).toEqual(told.slice(after))
    const decoded = JSON.parse(JSON.stringify(recent)) as Recent
    expect(eventsAfter(decoded, 0, all)).toEqual(told)
  })

  it("come in pages that are bounded, and never empty", () => {
    const recent = withTurn(nothingRecent, 1, [10], 100)
    expect(numbersOf(eventsAfter(recent, 3, { events: 4, characters: 10_000 }))).toEqual(range(4, 7))
    expect(numbersOf(eventsAfter(recent, 3, { events: 4, characters: 250 }))).toEqual([4, 5])
    expect(numbersOf(eventsAfter(recent, 3, { events: 4, characters: 1 }))).toEqual([4])
  })

  it("are few entries, whatever an answer's length and its reports", () => {
    for (const size of [1, 8, 255]) {
      const reports = Array<number>(Math.floor(15_990 / size)).fill(size)
      const { entries, characters } = withTurn(nothingRecent, 1, reports)
      expect(entries.length).toBeLessThanOrEqual(2 + Math.ceil(15_990 / (groupTokensMax - size + 1)) + 62)
      expect(characters).toBeLessThan(15_990 * 10)
    }
  })

  it("keep the newest turn whole and older ones within their bound", () => {
    const long = withTurn(nothingRecent, 1, Array<number>(1_000).fill(8), 16)
    expect(long.characters).toBeGreaterThan(2 * recentCharactersMax)
    expect(oldestOf(long)).toBe(1)
    const next = withEvent(long, 2, 2_000, start)
    expect(next.characters).toBeLessThanOrEqual(recentCharactersMax)
    expect(numbersOf(eventsAfter(next, 0, all))).toEqual(range(oldestOf(next), next.last))
    let many = nothingRecent
    for (let turn = 1; turn <= 5_000; turn++) many = withTurn(many, turn, [1])
    expect(many.entries.length).toBeLessThan(1_000)
  })

  it("are bounded also when one turn is begun anew for ever", () => {
    let recent = nothingRecent
    for (let again = 0; again < 400; again++) {
      recent = withTokens(recent, 1, again, 0, Array<string>(20).fill("x".repeat(100)))
      recent = withEvent(recent, 1, again, { type: "stream_restart", agent_id: "a", index: 0, reason: "r" })
    }
    expect(recent.characters).toBeLessThanOrEqual(turnCharactersMax)
    expect(recent.last).toBe(400 * 21)
  })
})
