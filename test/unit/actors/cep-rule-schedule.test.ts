/** Rules on a schedule, in virtual time: when they are due, what an outage leaves out, and that each run is run once. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { lateMsMax, missedRunsMax, nextRun, runsAt } from "../../../actors/cep-rule/schedule.ts"
import { type EngineShape, Unavailable } from "../../../engine/index.ts"
import { type CepEvent, CepRuleProtocol, scheduleEvent, type Trigger } from "../../../schemas/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, type Product, withProduct } from "../../support/product.ts"

type Schedule = Omit<Extract<Trigger, { readonly type: "schedule" }>, "type">

const define = (engine: EngineShape, schedule: Schedule) =>
  ask(engine, CepRuleProtocol, "r", {
    _tag: "Define",
    document: { name: "nightly", trigger: { type: "schedule", ...schedule } },
  })
const runsOf = (engine: EngineShape) =>
  Effect.map(ask(engine, CepRuleProtocol, "r", { _tag: "Read" }), ({ runs }) => runs)

/** Events that reach the lane, one per id as lanes take them. */
const watchRuns = (product: Product, isAway: () => boolean = () => false) => {
  const events = new Map<string, CepEvent>()
  const { lanes } = scriptedPlatform()
  product.platform = {
    lanes: {
      ...lanes,
      appendEvents: (_, appended) =>
        Effect.suspend(() => {
          if (isAway()) return Effect.fail(new Unavailable({ port: "lanes", detail: "away" }))
          for (const event of appended) events.set(event.id, event)
          return Effect.void
        }),
    },
  }
  return events
}

const minute = 60_000

describe("a rule on a schedule", () => {
  it(
    "is due at its time, again and again, with an event of its own for each run",
    withProduct((product) =>
      Effect.gen(function* () {
        const events = watchRuns(product)
        const { engine } = yield* product.start()
        const { view } = yield* define(engine, { every: "10m" })
        const first = view.runs!.nextAt!
        yield* Effect.sleep(31 * minute)
        expect([...events.values()]).toEqual(
          [0, 1, 2].map((index) => {
            const at = first + index * 10 * minute
            return { id: `r/${at}`, type: scheduleEvent("r"), at, attributes: {} }
          }),
        )
        expect(yield* runsOf(engine)).toEqual({
          nextAt: first + 30 * minute,
          lastAt: first + 20 * minute,
          waiting: 0,
          missed: 0,
        })
      }),
    ),
  )

  it(
    "keeps its next run when it is edited, and has none while it is disabled",
    withProduct((product) =>
      Effect.gen(function* () {
        const events = watchRuns(product)
        const { engine } = yield* product.start()
        const { view } = yield* define(engine, { every: "10m" })
        yield* Effect.sleep(5 * minute)
        const document = { ...view.document, name: "renamed" }
        const edited = yield* ask(engine, CepRuleProtocol, "r", { _tag: "Define", document })
        expect(edited.view.runs?.nextAt).toBe(view.runs?.nextAt)
        yield* ask(engine, CepRuleProtocol, "r", { _tag: "Disable" })
        yield* Effect.sleep(60 * minute)
        expect(events.size).toBe(0)
        expect((yield* runsOf(engine))?.nextAt).toBeUndefined()
        const on = yield* ask(engine, CepRuleProtocol, "r", { _tag: "Enable" })
        expect(on.view.runs!.nextAt! - product.time.now).toBeGreaterThan(9 * minute)
      }),
    ),
  )

  it.each([
    ["skip", 0],
    ["once", 1],
    ["all", 6],
  ] as const)("after an outage of an hour does what its policy %s says: %i runs", (missed, runs) =>
    withProduct((product) =>
      Effect.gen(function* () {
        const events = watchRuns(product)
        const first = yield* product.start()
        const { view } = yield* define(first.engine, { every: "10m", missed })
        const due = view.runs!.nextAt!
        yield* first.crash
        yield* Effect.sleep(due + 55 * minute - product.time.now)
        const second = yield* product.start()
        yield* Effect.sleep(2 * minute)
        expect(events.size).toBe(runs)
        expect([...events.keys()].at(-1)).toBe(runs === 0 ? undefined : `r/${due + 50 * minute}`)
        expect(yield* runsOf(second.engine)).toMatchObject({ missed: 6 - runs, nextAt: due + 60 * minute })
        yield* Effect.sleep(10 * minute)
        expect(events.size).toBe(runs + 1)
      }),
    )(),
  )

  it(
    "makes up for the newest runs of a long outage, and says how many it left out",
    withProduct((product) =>
      Effect.gen(function* () {
        const events = watchRuns(product)
        const first = yield* product.start()
        yield* define(first.engine, { every: "1s", missed: "all" })
        yield* first.crash
        yield* Effect.sleep(60 * minute)
        const second = yield* product.start()
        yield* Effect.sleep(2_000)
        const { missed, waiting } = (yield* runsOf(second.engine))!
        expect(waiting).toBe(0)
        expect(missed).toBeGreaterThan(3_600 - missedRunsMax - 10)
        expect(events.size + missed).toBeGreaterThan(3_590)
        expect(events.size).toBeLessThan(missedRunsMax + 10)
      }),
    ),
  )

  it(
    "runs each due time once, although nodes die at every moment around it",
    withProduct((product) =>
      Effect.gen(function* () {
        const events = watchRuns(product)
        const ids: Array<string> = []
        const first = yield* product.start()
        const { view } = yield* define(first.engine, { every: "1m", missed: "all" })
        yield* first.crash
        for (let index = 0; index < 40; index++) {
          const node = yield* product.start()
          yield* Effect.sleep(20_000 + index * 37)
          yield* node.crash
        }
        const last = yield* product.start()
        yield* Effect.sleep(5_000)
        ids.push(...[...events.values()].map(({ at }) => String((at - view.runs!.nextAt!) / minute)))
        expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => String(index)))
        expect(ids.length).toBeGreaterThan(12)
        expect((yield* runsOf(last.engine))?.missed).toBe(0)
        const journaled = product
          .entries()
          .flatMap(({ events: happened = [] }) =>
            happened.flatMap((event) => (event._tag === "RunsDue" ? (event as { due?: number[] }).due! : [])),
          )
        expect(new Set(journaled).size).toBe(journaled.length)
      }),
    ),
  )

  it(
    "keeps runs that no lane takes, in order, until one does",
    withProduct((product) =>
      Effect.gen(function* () {
        let isAway = true
        const events = watchRuns(product, () => isAway)
        const { engine } = yield* product.start()
        yield* define(engine, { every: "1m" })
        yield* Effect.sleep(10.5 * minute)
        expect((yield* runsOf(engine))?.waiting).toBe(10)
        isAway = false
        yield* Effect.sleep(minute)
        const times = [...events.values()].map(({ at }) => at)
        expect(times.length).toBeGreaterThanOrEqual(10)
        expect(times).toEqual(times.toSorted())
      }),
    ),
  )
})

describe("a night in which the clock is changed", () => {
  const at = (text: string) => Date.parse(text)
  const from = (schedule: Schedule, start: string, count: number) => {
    const found: Array<string> = []
    let time: number | undefined = at(start)
    for (let index = 0; index < count && time !== undefined; index++) {
      time = nextRun({ type: "schedule", ...schedule }, time)
      if (time !== undefined) found.push(new Date(time).toISOString())
    }
    return found
  }
  const berlin = { time_zone: "Europe/Berlin" }

  it("leaves no day out and has none twice, at times that it skips or repeats", () => {
    expect(from({ cron: "30 2 * * *", ...berlin }, "2026-03-27T12:00:00Z", 3)).toEqual([
      "2026-03-28T01:30:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ])
    expect(from({ cron: "30 2 * * *", ...berlin }, "2026-10-24T12:00:00Z", 3)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
      "2026-10-27T01:30:00.000Z",
    ])
  })

  it("keeps the pace of what runs each hour or half hour", () => {
    const autumn = from({ cron: "*/30 * * * *", ...berlin }, "2026-10-24T23:45:00Z", 6)
    expect(autumn.map((time) => time.slice(11, 16))).toEqual([
      "00:00",
      "00:30",
      "01:00",
      "01:30",
      "02:00",
      "02:30",
    ])
    const spring = from({ cron: "0 * * * *", ...berlin }, "2026-03-28T23:30:00Z", 4)
    expect(spring.map((time) => time.slice(11, 16))).toEqual(["00:00", "01:00", "02:00", "03:00"])
  })

  it("is made up for like any other when nothing ran in it", () => {
    const due = at("2026-10-25T00:30:00Z")
    const trigger = { type: "schedule", cron: "30 2 * * *", ...berlin, missed: "all" } as const
    const runs = runsAt(trigger, due, at("2026-10-27T12:00:00Z"))
    expect(runs.due.map((time) => new Date(time).toISOString())).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
      "2026-10-27T01:30:00.000Z",
    ])
    expect(new Date(runs.nextAt!).toISOString()).toBe("2026-10-28T01:30:00.000Z")
  })
})

describe("a timer that fires late", () => {
  it("is on time within what a take-over takes, and a missed run beyond it", () => {
    const trigger = { type: "schedule", every: "1h" } as const
    expect(runsAt(trigger, 0, lateMsMax)).toMatchObject({ due: [0], missed: 0 })
    expect(runsAt(trigger, 0, lateMsMax + 1)).toMatchObject({ due: [], missed: 1 })
  })
})
