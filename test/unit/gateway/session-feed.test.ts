/** A session's feed against an engine that loses, doubles and delays: what the client gets stays in order and whole. */
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { AskResult, EngineShape } from "../../../engine/index.ts"
import { EngineError } from "../../../engine/index.ts"
import { defaultGatewayLimits, type GatewayServices } from "../../../gateway/index.ts"
import { SessionFeed } from "../../../gateway/session/session-feed.ts"
import type { SessionEvent } from "../../../schemas/index.ts"

const token = (n: number): SessionEvent => ({ type: "token", n, turn: 1, at: 0, content: `${n}`, index: n })
const end = (n: number): SessionEvent => ({
  type: "stream_end",
  n,
  turn: 1,
  at: 0,
  total_tokens: 1,
  execution_time: 0,
})

/** A session that answers reads when it is told to, and a feed that follows it. */
const setUp = async (stored: Array<SessionEvent>, after = 0, oldest = 1) => {
  let signal: (events: ReadonlyArray<SessionEvent>) => void = () => {}
  const reads: Array<{ readonly after: number; readonly answer: (result?: AskResult) => void }> = []
  const view = (from: number, limit: number) => {
    const events = stored.filter(({ n }) => n > from && n >= oldest).slice(0, limit)
    const last = stored.at(-1)?.n ?? 0
    const active = stored.length > 0 && stored.at(-1)!.type !== "stream_end"
    return { ok: { events, oldest, last, ...(active ? { activeTurn: 1 } : {}) } }
  }
  const engine = {
    submit: (_to, _version, body, _call, done) => {
      const { after: from, limit } = body as unknown as { after: number; limit: number }
      reads.push({ after: from, answer: (result = view(from, limit)) => done(result) })
    },
    listen: (_topic, handle) =>
      Effect.sync(() => {
        signal = (events) => handle({ events })
      }),
  } as Partial<EngineShape> as EngineShape
  const limits = { ...defaultGatewayLimits, pageEventsMax: 3 }
  const got: Array<number> = []
  const missing: Array<readonly [number, number]> = []
  const failures: Array<string> = []
  const waiting = { isSlow: false, all: [] as Array<() => void> }
  const feed = new SessionFeed(
    { engine, limits } as GatewayServices,
    { tenant: "t", session: "s", after },
    {
      events: (events) => got.push(...events.map(({ n }) => n)),
      ready: (go) => (waiting.isSlow ? waiting.all.push(go) : go()),
      missing: (from, to) => missing.push([from, to]),
      failed: ({ code }) => failures.push(code),
    },
  )
  await feed.open()
  const answerAll = () => {
    for (let read = reads.shift(); read !== undefined; read = reads.shift()) read.answer()
  }
  return {
    feed,
    got,
    missing,
    failures,
    reads,
    answerAll,
    waiting,
    signal: (...events: Array<SessionEvent>) => signal(events),
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe("a session's feed", () => {
  it("reads what is stored page by page and goes on with what is told", async () => {
    const stored = [1, 2, 3, 4, 5].map(token)
    const { got, answerAll, signal, feed } = await setUp(stored)
    answerAll()
    signal(token(6))
    expect(got).toEqual([1, 2, 3, 4, 5, 6])
    feed.close()
  })

  it("reads the next page when the client has taken the last one, and loses nothing that is told until then", async () => {
    const stored = [1, 2, 3, 4, 5].map(token)
    const { got, reads, answerAll, signal, waiting, feed } = await setUp(stored)
    waiting.isSlow = true
    answerAll()
    expect([got, reads.length]).toEqual([[1, 2, 3], 0])
    for (let n = 6; n <= 100; n++) {
      stored.push(token(n))
      signal(token(n))
    }
    expect([got.length, reads.length]).toEqual([3, 0])
    waiting.isSlow = false
    waiting.all.shift()!()
    answerAll()
    expect(got).toEqual(stored.map(({ n }) => n))
    feed.close()
  })

  it("hands over nothing twice", async () => {
    const { got, answerAll, signal, feed } = await setUp([token(1)])
    answerAll()
    signal(token(1))
    signal(token(2))
    signal(token(1), token(2), token(3))
    expect(got).toEqual([1, 2, 3])
    feed.close()
  })

  it("reads again when a signal was lost", async () => {
    const stored = [token(1)]
    const { got, answerAll, signal, reads, feed } = await setUp(stored)
    answerAll()
    stored.push(token(2), token(3))
    signal(token(3))
    expect(got).toEqual([1])
    expect(reads.map(({ after }) => after)).toEqual([1])
    answerAll()
    expect(got).toEqual([1, 2, 3])
    feed.close()
  })

  it("does not lose what is told while a page is on its way", async () => {
    const stored = [token(1)]
    const { got, reads, answerAll, signal, feed } = await setUp(stored)
    const first = reads.shift()!
    const page = { ok: { events: [token(1)], oldest: 1, last: 1, activeTurn: 1 } }
    stored.push(end(2))
    signal(end(2))
    first.answer(page)
    answerAll()
    expect(got).toEqual([1, 2])
    feed.close()
  })

  it("reads again by itself while an answer is under way, and rarely otherwise", async () => {
    const stored: Array<SessionEvent> = [token(1)]
    const { got, reads, answerAll, feed } = await setUp(stored)
    answerAll()
    stored.push(end(2))
    vi.advanceTimersByTime(defaultGatewayLimits.rereadEveryMs)
    expect(reads).toHaveLength(1)
    answerAll()
    expect(got).toEqual([1, 2])
    vi.advanceTimersByTime(5 * defaultGatewayLimits.rereadEveryMs)
    expect(reads).toHaveLength(0)
    vi.advanceTimersByTime(10 * defaultGatewayLimits.rereadEveryMs)
    expect(reads).toHaveLength(1)
    feed.close()
  })

  it("starts again where the client asks, also while a page is on its way", async () => {
    const stored = [1, 2, 3].map(token)
    const { got, reads, answerAll, feed } = await setUp(stored, 3)
    feed.resume(1)
    expect(reads).toHaveLength(1)
    answerAll()
    expect(got).toEqual([2, 3])
    feed.close()
  })

  it("says which events are no longer held", async () => {
    const stored = [1, 2, 3, 4].map(token)
    const { got, missing, answerAll, feed } = await setUp(stored, 0, 3)
    answerAll()
    expect(missing).toEqual([[1, 2]])
    expect(got).toEqual([3, 4])
    feed.close()
  })

  it("goes on from the newest event for a client that names one beyond it", async () => {
    const stored = [token(1)]
    const { got, answerAll, signal, feed } = await setUp(stored, 50)
    answerAll()
    signal(token(2))
    expect(got).toEqual([2])
    feed.close()
  })

  it("reports a read that failed, and tries again", async () => {
    const { got, failures, reads, answerAll, feed } = await setUp([token(1)])
    reads.shift()!.answer(new EngineError({ code: "Unavailable", detail: "away" }))
    expect(failures).toEqual(["ENG_AVL_001"])
    vi.advanceTimersByTime(defaultGatewayLimits.rereadEveryMs)
    answerAll()
    expect(got).toEqual([1])
    feed.close()
  })

  it("hands over nothing after it was closed", async () => {
    const { got, signal, answerAll, feed } = await setUp([token(1)])
    feed.close()
    answerAll()
    signal(token(1))
    expect(got).toEqual([])
  })
})
