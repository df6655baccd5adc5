/** What holds for whoever follows a session or a task, whatever is lost, late or doubled, and wherever they begin again. */
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { type AskResult, EngineError, type EngineShape } from "../../../engine/index.ts"
import { defaultGatewayLimits, type GatewayServices } from "../../../gateway/index.ts"
import { SessionFeed } from "../../../gateway/session/session-feed.ts"
import { followTask } from "../../../gateway/tasks/task-feed.ts"
import type { SessionEvent, TaskEvent } from "../../../schemas/index.ts"

const pageEventsMax = 3
const limits = { ...defaultGatewayLimits, pageEventsMax }
const away = new EngineError({ code: "Unavailable", detail: "away" })

/** Numbered events of which the oldest leave, the signals that tell of them, and the reads that wait for their answer. */
class Source<E extends { readonly n: number }> {
  readonly events: Array<E> = []
  oldest = 1
  signal: (events: ReadonlyArray<E>) => void = () => {}
  readonly reads: Array<() => void> = []
  /** Told later, out of order. */
  readonly late: Array<ReadonlyArray<E>> = []

  failing = false

  get last(): number {
    return this.events.length
  }

  fail(): void {
    this.failing = true
    this.reads.shift()?.()
    this.failing = false
  }

  add(events: ReadonlyArray<E>, fate: "told" | "lost" | "late" | "doubled"): void {
    this.events.push(...events)
    if (fate === "told" || fate === "doubled") this.signal(events)
    if (fate === "doubled") this.signal(events)
    if (fate === "late") this.late.push(events)
  }

  page(after: number): { readonly events: ReadonlyArray<E>; readonly oldest: number; readonly last: number } {
    const held = this.events.filter(({ n }) => n > after && n >= this.oldest)
    return { events: held.slice(0, pageEventsMax), oldest: this.oldest, last: this.last }
  }
}

/** One client's own account: each event follows the one before, or what it was told to be missing. */
class Account {
  next: number | undefined
  readonly wrong: Array<string> = []

  constructor(after: number) {
    this.next = after + 1
  }

  /** Beyond the newest nobody knows what comes next. */
  begin(after: number, last: number): void {
    this.next = after > last ? undefined : after + 1
  }
  got({ n }: { readonly n: number }): void {
    if (this.next !== undefined && n !== this.next) this.wrong.push(`${n} instead of ${this.next}`)
    this.next = n + 1
  }
  missing(from: number, to: number): void {
    if ((this.next !== undefined && from !== this.next) || to < from)
      this.wrong.push(`${from}–${to} missing instead of ${this.next}`)
    this.next = to + 1
  }
}

const fates = fc.constantFrom("told", "lost", "late", "doubled")
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("add" as const),
      count: fc.integer({ min: 1, max: 4 }),
      fate: fates,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("answer", "fail", "late", "wait", "go", "slow", "forget") }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("resume" as const),
      client: fc.nat(2),
      after: fc.oneof(fc.nat(40), fc.constantFrom(0, 1e6, Number.MAX_SAFE_INTEGER)),
    }),
  },
)

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

const sessionEvent = (n: number, isEnd: boolean): SessionEvent =>
  isEnd
    ? { type: "stream_end", n, turn: 1, at: 0, total_tokens: 0, execution_time: 0 }
    : { type: "token", n, turn: 1, at: 0, content: `${n}`, index: n }

describe("the clients of a session", () => {
  it("get each event once and in order, or are told that it is missing, and have all of them in the end", async () => {
    const starts = fc.array(fc.oneof(fc.nat(12), fc.constant(1e6)), { minLength: 3, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(starts, fc.array(step, { maxLength: 60 }), async (starts, steps) => {
        const source = new Source<SessionEvent>()
        const engine = {
          submit: (_to, _version, body, _call, done: (result: AskResult) => void) => {
            const { after } = body as unknown as { after: number }
            // As it is when it is asked for, which may be long before it is answered.
            const active = source.events.at(-1)?.type === "token" ? { activeTurn: 1 } : {}
            const view = { ...source.page(after), ...active }
            source.reads.push(() => done(source.failing ? away : { ok: view }))
          },
          listen: (_topic, handle) =>
            Effect.sync(() => {
              source.signal = (events) => handle({ events })
            }),
        } as Partial<EngineShape> as EngineShape
        const services = { engine, limits } as GatewayServices
        let isSlow = false
        const waiting: Array<() => void> = []
        const clients = starts.map((after) => {
          const account = new Account(after)
          account.begin(after, 0)
          const feed = new SessionFeed(
            services,
            { tenant: "t", session: "s", after },
            {
              events: (events) => {
                for (const event of events) account.got(event)
              },
              ready: (go) => (isSlow ? waiting.push(go) : go()),
              missing: (from, to) => account.missing(from, to),
              failed: () => {},
            },
          )
          return { account, feed }
        })
        await Promise.all(clients.map(({ feed }) => feed.open()))
        for (const one of steps) {
          if (one.do === "add" && "count" in one)
            source.add(
              Array.from({ length: one.count }, (_, index) =>
                sessionEvent(source.last + 1 + index, index === 3),
              ),
              one.fate,
            )
          if (one.do === "answer") source.reads.shift()?.()
          if (one.do === "fail") source.fail()
          if (one.do === "late") source.signal(source.late.pop() ?? [])
          if (one.do === "wait") vi.advanceTimersByTime(limits.rereadEveryMs)
          if (one.do === "slow") isSlow = true
          if (one.do === "go") {
            isSlow = false
            for (const go of waiting.splice(0)) go()
          }
          if (one.do === "forget") source.oldest = Math.max(source.oldest, source.last - 2)
          if (one.do === "resume" && "client" in one) {
            const { account, feed } = clients[one.client]!
            account.begin(one.after, source.last)
            feed.resume(one.after)
          }
          // Those who ask at the same time share an answer.
          await Promise.resolve()
        }
        isSlow = false
        for (let round = 0; round < 60; round++) {
          for (const go of waiting.splice(0)) go()
          while (source.reads.length > 0) source.reads.shift()!()
          vi.advanceTimersByTime(limits.rereadEveryMs)
          await Promise.resolve()
        }
        for (const { account, feed } of clients) {
          expect(account.wrong).toEqual([])
          expect(feed.position).toBe(source.last)
          feed.close()
        }
      }),
      { numRuns: 600 },
    )
  })
})

const taskEvent = (n: number, isEnd: boolean): TaskEvent =>
  isEnd
    ? { type: "status", n, turn: 1, at: 0, status: "completed" }
    : { type: "token", n, turn: 1, at: 0, content: `${n}`, index: n }
/** Whatever was waited for has happened. */
const passed = async () => {
  for (let turns = 0; turns < 4; turns++) await new Promise((resolve) => setImmediate(resolve))
}

describe("the followers of a task", () => {
  it("get each event that is held once and in order, and end when it does, wherever they begin", async () => {
    const starts = fc.array(fc.oneof(fc.nat(12), fc.constant(1e6)), { minLength: 2, maxLength: 2 })
    const steps = fc.array(
      step.filter((one) => !["resume", "slow", "go"].includes(one.do)),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(starts, steps, async (starts, steps) => {
        const source = new Source<TaskEvent>()
        const heard = new Set<(events: ReadonlyArray<TaskEvent>) => void>()
        source.signal = (events) => {
          for (const hear of heard) hear(events)
        }
        const engine = {
          ask: (_protocol: unknown, _key: unknown, { after }: { readonly after: number }) =>
            Effect.callback<unknown, EngineError>((resume) => {
              const status = source.events.at(-1)?.type === "status" ? "completed" : "working"
              const view = { ...source.page(after), status }
              source.reads.push(() => resume(source.failing ? Effect.fail(away) : Effect.succeed(view)))
            }),
          listen: (_topic: unknown, handle: (body: unknown) => void) =>
            Effect.sync(() => void heard.add((events) => handle({ events }))),
        } as unknown as EngineShape
        const services = { engine, limits } as GatewayServices
        const followers = starts.map((after) => {
          const got: Array<number> = []
          const following = (async () => {
            const at = { tenant: "t", task: "t", after }
            for await (const { n } of followTask(services, at, new AbortController().signal)) got.push(n)
          })()
          return { after, got, following, lastThen: source.last }
        })
        await passed()
        for (const one of steps) {
          if (one.do === "add" && "count" in one)
            source.add(
              Array.from({ length: one.count }, (_, index) => taskEvent(source.last + 1 + index, false)),
              one.fate,
            )
          if (one.do === "answer") source.reads.shift()?.()
          if (one.do === "fail") source.fail()
          if (one.do === "late") source.signal(source.late.pop() ?? [])
          if (one.do === "wait") vi.advanceTimersByTime(limits.rereadEveryMs)
          if (one.do === "forget") source.oldest = Math.max(source.oldest, source.last - 2)
          await passed()
        }
        source.add([taskEvent(source.last + 1, true)], "lost")
        const done = Promise.all(followers.map(({ following }) => following))
        let isDone = false
        void done.then(() => {
          isDone = true
        })
        for (let round = 0; round < 60 && !isDone; round++) {
          while (source.reads.length > 0) source.reads.shift()!()
          vi.advanceTimersByTime(limits.rereadEveryMs)
          await passed()
        }
        expect(isDone).toBe(true)
        for (const { after, got } of followers) {
          expect(got.toSorted((one, other) => one - other)).toEqual(got)
          expect(new Set(got).size).toBe(got.length)
          // Beyond the newest there was nothing to begin after.
          if (got.length > 0 || after < source.last) expect(got.at(-1)).toBe(source.last)
          if (source.oldest === 1 && after < source.last)
            expect(got.length).toBeGreaterThanOrEqual(source.last - after)
        }
      }),
      { numRuns: 150 },
    )
  })

  it("go on from the newest event when they name one beyond it", async () => {
    const events = [taskEvent(1, false)]
    const engine = {
      ask: (_protocol: unknown, _key: unknown, { after }: { readonly after: number }) =>
        Effect.sync(() => {
          const view = { events: events.filter(({ n }) => n > after), oldest: 1, last: events.length }
          return { ...view, status: "working" }
        }),
      listen: () => Effect.void,
    } as unknown as EngineShape
    const at = { tenant: "t", task: "t", after: 50 }
    const got: Array<number> = []
    const stop = new AbortController()
    const following = (async () => {
      for await (const { n } of followTask({ engine, limits } as GatewayServices, at, stop.signal))
        got.push(n)
    })()
    await passed()
    events.push(taskEvent(2, true))
    vi.advanceTimersByTime(limits.rereadEveryMs)
    await passed()
    expect(got).toEqual([2])
    stop.abort()
    await following
  })
})
