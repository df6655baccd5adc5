import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { silenceMs } from "../../../actors/agent/silence.ts"
import { type Event, initial } from "../../../actors/task/state.ts"
import { Task } from "../../../actors/task/task.ts"
import { fold } from "../../../actors/task/tell.ts"
import { viewOf } from "../../../actors/task/view.ts"
import { ActivityFailure, type ActivityRun, accept, type EngineShape } from "../../../engine/index.ts"
import { type TaskEvent, TaskProtocol, type TaskSignal, taskTopic } from "../../../schemas/index.ts"
import { implementation } from "../../support/deployment.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"

type Emitted = ActivityRun<{ from: number; tokens: ReadonlyArray<string>; restart?: string }>

/** An agent that does with a question what the question says. */
const scripted = (delivered: Array<{ readonly n: number; readonly ok: boolean }> = []) => {
  let failures = 3
  return implementation(
    Task as never,
    {
      answer: ((input: { readonly question: string; readonly turn: number }, run: Emitted) =>
        Effect.gen(function* () {
          const said = { _tag: "Said", tokens: 2, text: "", blocks: [] }
          if (input.question === "silence") return yield* Effect.never
          if (input.question === "forbidden")
            return yield* Effect.fail(
              new ActivityFailure({ code: "AgentForbidden", detail: "not yours", retryable: false }),
            )
          if (input.question === "handover")
            return { _tag: "HandedOver", toAgent: "other", reason: "better", context: "full" }
          yield* run.emit({ from: 0, tokens: ["one", " two"] })
          if (input.question === "slow") yield* Effect.sleep(10_000)
          if (input.question === "restart") {
            yield* run.emit({ from: 0, tokens: ["again"], restart: "cut off" })
            return { ...said, tokens: 1 }
          }
          return input.question === "ask back" ? { ...said, awaitsInput: true } : said
        })) as never,
      index: ({ revision }: { readonly revision: number }) => Effect.succeed({ revision }),
      push: ({ n }: { readonly n: number }) =>
        Effect.sync(() => {
          const ok = failures-- <= 0
          delivered.push({ n, ok })
          return { delivered: ok, latencyMs: 1, ...(ok ? { status: 200 } : { status: 503 }) }
        }),
    } as never,
  )
}

const open = (engine: EngineShape, text: string, more: object = {}) =>
  ask(engine, TaskProtocol, "t1", {
    _tag: "Open",
    agent: "guide",
    owner: "ann",
    context: "c",
    messageId: "m1",
    text,
    ...more,
  } as const)
const read = (engine: EngineShape, page: object = { after: 0 }) =>
  ask(engine, TaskProtocol, "t1", { _tag: "Read", ...page } as const)
const reached = Effect.fnUntraced(function* (engine: EngineShape, status: string) {
  for (;;) {
    const view = yield* read(engine)
    if (view.status === status) return view
    yield* Effect.sleep(200)
  }
})
const shown = (events: ReadonlyArray<TaskEvent>) =>
  events.map((event) => (event.type === "status" ? event.status : event.type))
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe("a task", () => {
  it(
    "is submitted, works, says tokens and is completed, numbered without gaps",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        const opened = yield* open(engine, "hello")
        expect(opened).toEqual({ task: "t1", status: "working", turn: 1, after: 0 })
        const view = yield* reached(engine, "completed")
        expect(shown(view.events)).toEqual(["submitted", "message", "working", "token", "token", "completed"])
        expect(view.events.map(({ n }) => n)).toEqual(numbers(6))
        expect(view.answers).toMatchObject([{ turn: 1, agent: "guide", text: "one two", characters: 7 }])
        expect(view.messages).toMatchObject([{ messageId: "m1", role: "user", text: "hello" }])
      }),
    ),
  )

  it(
    "is one for the same message id, and another message's key is refused",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        yield* open(engine, "hello")
        yield* reached(engine, "completed")
        expect(yield* open(engine, "hello")).toEqual({ task: "t1", status: "completed", turn: 1, after: 0 })
        expect((yield* read(engine)).turn).toBe(1)
        expect(yield* rejectionOf(open(engine, "hello", { messageId: "m2" }))).toEqual({
          _tag: "TaskTaken",
          agent: "guide",
        })
      }),
    ),
  )

  it(
    "signals each event once it is durable, in the order of its numbers",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        const heard: Array<number> = []
        yield* engine.listen(taskTopic(tenant, "t1"), (body) => {
          for (const { n } of (body as TaskSignal).events) heard.push(n)
        })
        yield* open(engine, "hello")
        yield* eventually(() => heard.length === 6)
        expect(heard).toEqual(numbers(6))
      }),
    ),
  )

  it(
    "asks back, goes on with the answer, and takes no message while it works",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        const go = (messageId: string, text: string) =>
          ask(engine, TaskProtocol, "t1", { _tag: "Continue", messageId, text })
        expect(yield* rejectionOf(go("m2", "x"))).toEqual({ _tag: "TaskUnknown" })
        yield* open(engine, "ask back")
        const asking = yield* reached(engine, "input-required")
        expect(asking.statusMessage).toBe("one two")
        const second = yield* go("m2", "slow")
        expect(second).toMatchObject({ status: "working", turn: 2, after: asking.last })
        expect(yield* go("m2", "slow")).toMatchObject({ turn: 2, after: asking.last })
        expect(yield* rejectionOf(go("m3", "x"))).toEqual({ _tag: "TaskAtWork", status: "working" })
        const done = yield* reached(engine, "completed")
        expect(done.messages.map(({ role }) => role)).toEqual(["user", "agent", "user"])
        expect(done.answers.map(({ turn }) => turn)).toEqual([1, 2])
        expect(yield* rejectionOf(go("m4", "x"))).toEqual({ _tag: "TaskEnded", status: "completed" })
      }),
    ),
  )

  it(
    "is canceled once, keeps what was said, and hears no more",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        const cancel = ask(engine, TaskProtocol, "t1", { _tag: "Cancel" })
        expect(yield* rejectionOf(cancel)).toEqual({ _tag: "TaskUnknown" })
        yield* open(engine, "slow")
        yield* Effect.sleep(1_000)
        expect(yield* cancel).toEqual({ task: "t1", status: "canceled" })
        expect(yield* rejectionOf(cancel)).toEqual({ _tag: "TaskEnded", status: "canceled" })
        yield* Effect.sleep(20_000)
        const view = yield* read(engine)
        expect(view.status).toBe("canceled")
        expect(view.answers).toMatchObject([{ text: "one two" }])
      }),
    ),
  )

  it(
    "ends when its agent is silent, or is not its owner's to use",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        const ends = Effect.fnUntraced(function* (task: string, text: string, withinMs: number) {
          const at = { messageId: "m", agent: "guide", owner: "ann", context: "c" } as const
          yield* ask(engine, TaskProtocol, task, { _tag: "Open", ...at, text })
          yield* Effect.sleep(withinMs)
          const { status, code } = yield* ask(engine, TaskProtocol, task, { _tag: "Read" })
          return { status, code }
        })
        expect(yield* ends("a", "silence", silenceMs + 1_000)).toEqual({
          status: "failed",
          code: "AgentSilent",
        })
        expect(yield* ends("b", "forbidden", 1_000)).toEqual({ status: "rejected", code: "AgentForbidden" })
      }),
    ),
  )

  it(
    "tells of a restart and of a transfer, and no agent gets a turn twice",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted()])
        yield* open(engine, "restart")
        const view = yield* reached(engine, "completed")
        expect(shown(view.events)).toEqual([
          "submitted",
          "message",
          "working",
          "token",
          "token",
          "restart",
          "token",
          "completed",
        ])
        expect(view).toMatchObject({ restarts: 1, tokens: 1, answers: [{ text: "again" }] })
        const at = { messageId: "m", agent: "guide", owner: "ann", context: "c", text: "handover" } as const
        yield* ask(engine, TaskProtocol, "t2", { _tag: "Open", ...at })
        yield* Effect.sleep(2_000)
        const moved = yield* ask(engine, TaskProtocol, "t2", { _tag: "Read", after: 0 })
        expect(shown(moved.events)).toEqual(["submitted", "message", "working", "transfer", "failed"])
        expect(moved).toMatchObject({ agent: "other", openedWith: "guide", code: "TransferRefused" })
      }),
    ),
  )

  for (const awayMs of [0, 10 * silenceMs])
    it(
      `goes on after a crash where it was, when a node is there again after ${awayMs} ms`,
      withProduct((product) =>
        Effect.gen(function* () {
          const first = yield* product.start([scripted()])
          yield* open(first.engine, "slow")
          yield* Effect.sleep(2_000)
          yield* Effect.andThen(first.crash, Effect.sleep(awayMs))
          const { engine } = yield* product.start([scripted()])
          const view = yield* Effect.delay(read(engine), 15_000)
          expect(view.events.map(({ n }) => n)).toEqual(numbers(view.last))
          expect(view).toMatchObject({ status: "completed", answers: [{ text: "one two" }] })
        }),
      ),
    )

  it("gives its events up after a while and all else later, and waits for its user only so long", () => {
    const at = 1
    const events: ReadonlyArray<Event> = [
      {
        _tag: "Opened",
        agent: "guide",
        owner: "ann",
        context: "c",
        conversation: "c",
        traceId: "",
        history: [],
        at,
      },
      { _tag: "TurnStarted", turn: 1, messageId: "m", text: "hello", at },
      { _tag: "TokensReceived", tokens: ["one"], at },
      { _tag: "StatusChanged", status: "input-required", message: "what?", at },
    ]
    const asking = fold(initial("t1"), events)
    const fired = { id: undefined, dueAt: 0, payload: undefined }
    const context = { now: 2, self: { tenant: "t" }, random: { uuid: () => "u" } } as never
    expect(Task.timers?.forgetTask(asking, fired, context)).toEqual(accept())
    const late = Task.timers?.input(asking, fired, context) as { readonly events: ReadonlyArray<Event> }
    const ended = fold(asking, late.events)
    expect(ended).toMatchObject({ status: "failed", code: "InputMissing" })
    const quiet = fold(ended, [{ _tag: "Forgotten", all: false }])
    expect(viewOf(quiet, { after: 0, limit: 10, textFrom: 0 })).toMatchObject({
      events: [],
      oldest: ended.last + 1,
      last: ended.last,
      answers: [{ text: "one" }],
    })
    const forgotten = Task.timers?.forgetTask(quiet, fired, context) as typeof late & {
      readonly start: ReadonlyArray<{ readonly input: unknown }>
    }
    expect(viewOf(fold(quiet, forgotten.events), { after: 0, limit: 10, textFrom: 0 })).toBeUndefined()
    expect(forgotten.start[0]?.input).toMatchObject({ task: "t1", gone: true })
  })

  it(
    "tells a receiver of each change in order, again after it failed",
    withProduct((product) =>
      Effect.gen(function* () {
        const told: Array<{ readonly n: number; readonly ok: boolean }> = []
        const { engine } = yield* product.start([scripted(told)])
        yield* open(engine, "slow", { push: { id: "p", version: "1.0", sealed: "s" } })
        yield* eventually(() => told.filter(({ ok }) => ok).length >= 3)
        const last = (yield* read(engine)).last
        // Opening tells of the newest status; the end follows.
        expect(told.map(({ n, ok }) => [n, ok])).toEqual([
          [1, false],
          [1, false],
          [1, false],
          [1, true],
          [3, true],
          [last, true],
        ])
        const { deliveries, waiting } = yield* ask(engine, TaskProtocol, "t1", { _tag: "Deliveries" })
        expect(waiting).toBe(0)
        expect(deliveries.map(({ outcome }) => outcome)).toEqual([
          "delivered",
          "delivered",
          "delivered",
          "failed",
          "failed",
          "failed",
        ])
      }),
    ),
  )
})
