/** The life of a rule's document: its versions, conflicts, the way into its lane, and what version 1 left. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { LanesService } from "../../../actors/index.ts"
import { type EngineShape, Unavailable } from "../../../engine/index.ts"
import { CepRuleProtocol, type RuleDocument, ruleVersionsMax } from "../../../schemas/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"
import { ask, eventually, type Product, rejectionOf, tenant, withProduct } from "../../support/product.ts"

const document: RuleDocument = {
  name: "busy",
  trigger: { type: "metric", metric: "cpu" },
  group_by: ["host"],
  condition: "value > 80.0",
}

const define = (engine: EngineShape, changes: Partial<RuleDocument> = {}, expected?: number) =>
  ask(
    engine,
    CepRuleProtocol,
    "r",
    {
      _tag: "Define",
      document: { ...document, ...changes },
      ...(expected === undefined ? {} : { expected }),
    },
    { principal: "ann" },
  )
const tell = <C extends (typeof CepRuleProtocol)["Command"]>(engine: EngineShape, command: C) =>
  ask(engine, CepRuleProtocol, "r", command)
const read = (engine: EngineShape) => tell(engine, { _tag: "Read" })

type Change = Parameters<LanesService["changeRule"]>[0] & { readonly before: RuleDocument | undefined }

/** Notes what lanes are told; `refuse` says of each attempt whether nobody is there. */
const watchLanes = (product: Product, refuse: (attempt: number) => boolean = () => false) => {
  const changes: Array<Change> = []
  let attempts = 0
  const { lanes } = scriptedPlatform()
  product.platform = {
    lanes: {
      ...lanes,
      changeRule: (change, before) =>
        Effect.suspend(() => {
          if (refuse(++attempts)) return Effect.fail(new Unavailable({ port: "lanes", detail: "away" }))
          changes.push({ ...change, before })
          return Effect.succeed({ lane: 3, sequence: 10 + changes.length })
        }),
    },
  }
  return changes
}

describe("a rule", () => {
  it(
    "goes into its lane before whoever wrote it is answered, with its version and number",
    withProduct((product) =>
      Effect.gen(function* () {
        const changes = watchLanes(product)
        const { engine } = yield* product.start()
        const { changed, view } = yield* define(engine)
        expect(changed).toBe(true)
        expect(view).toMatchObject({
          version: 1,
          number: 1,
          updatedBy: "ann",
          live: { lane: 3, sequence: 11 },
        })
        expect(view.document).toEqual({ ...document, enabled: true, owner: "ann" })
        expect(changes).toMatchObject([{ tenant, rule: "r", number: 1, version: 1, before: undefined }])
        expect(yield* define(engine)).toMatchObject({ changed: false, view: { number: 1 } })
        expect(changes).toHaveLength(1)
      }),
    ),
  )

  it(
    "belongs to whoever wrote it last, whatever the document says",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect((yield* define(engine, { owner: "root" })).view.document.owner).toBe("ann")
        const seeded = { _tag: "Define", document: { ...document, name: "other" } } as const
        const by = yield* ask(engine, CepRuleProtocol, "r", seeded, { principal: "bob" })
        expect(by.view.document.owner).toBe("bob")
        const restored = { _tag: "Restore", version: 1 } as const
        const back = yield* ask(engine, CepRuleProtocol, "r", restored, { principal: "bob" })
        expect(back.view.document).toMatchObject({ name: "busy", owner: "bob" })
      }),
    ),
  )

  it(
    "is changed only by who has seen its newest change",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect(yield* rejectionOf(define(engine, {}, 7))).toEqual({ _tag: "RuleConflict", number: 0 })
        yield* define(engine, {}, 0)
        expect(yield* rejectionOf(define(engine, { name: "x" }, 0))).toEqual({
          _tag: "RuleConflict",
          number: 1,
        })
        const late = tell(engine, { _tag: "Disable", expected: 3 })
        expect(yield* rejectionOf(late)).toEqual({ _tag: "RuleConflict", number: 1 })
        yield* tell(engine, { _tag: "Disable", expected: 1 })
        expect(yield* rejectionOf(tell(engine, { _tag: "Remove", expected: 1 }))).toMatchObject({ number: 2 })
        expect(yield* tell(engine, { _tag: "Remove", expected: 2 })).toEqual({ removed: true })
      }),
    ),
  )

  it(
    "leaves its lane when it is disabled or removed, and is told with what was there before",
    withProduct((product) =>
      Effect.gen(function* () {
        const changes = watchLanes(product)
        const { engine } = yield* product.start()
        yield* define(engine)
        const off = yield* tell(engine, { _tag: "Disable" })
        expect(off.view).toMatchObject({ version: 1, number: 2, document: { enabled: false } })
        expect(off.view.live).toBeUndefined()
        yield* tell(engine, { _tag: "Enable" })
        yield* define(engine, { trigger: { type: "metric", metric: "memory" } })
        yield* tell(engine, { _tag: "Remove" })
        expect(
          changes.map(({ number, document, before }) => [number, document?.trigger, before?.trigger]),
        ).toEqual([
          [1, document.trigger, undefined],
          [2, undefined, document.trigger],
          [3, document.trigger, undefined],
          [4, { type: "metric", metric: "memory" }, document.trigger],
          [5, undefined, { type: "metric", metric: "memory" }],
        ])
        expect(yield* rejectionOf(read(engine))).toEqual({ _tag: "RuleUnknown" })
      }),
    ),
  )

  it(
    "tells its lane in order of what happened while nobody was there, the newest at the latest, also after a crash",
    withProduct((product) =>
      Effect.gen(function* () {
        let isAway = true
        const changes = watchLanes(product, () => isAway)
        const first = yield* product.start()
        const started = product.time.now
        const { view } = yield* define(first.engine)
        expect(view.live).toBeUndefined()
        expect(product.time.now - started).toBeGreaterThanOrEqual(5_000)
        yield* Effect.all(
          ["b", "c", "d"].map((name) => define(first.engine, { name })),
          { concurrency: "unbounded" },
        )
        yield* first.crash
        const second = yield* product.start()
        yield* Effect.sleep(120_000)
        isAway = false
        yield* eventually(() => changes.length === 2)
        expect(changes.map(({ number, document }) => [number, document?.name])).toEqual([
          [1, "busy"],
          [4, "d"],
        ])
        yield* Effect.sleep(1_000)
        expect((yield* read(second.engine)).live).toMatchObject({ lane: 3, sequence: 12 })
      }),
    ),
  )

  it(
    "keeps its newest versions, restores one, and comes back after it was removed",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        for (let index = 1; index <= ruleVersionsMax + 5; index++)
          yield* define(engine, { name: `v${index}` })
        const { versions } = yield* tell(engine, { _tag: "Versions" })
        expect(versions.map(({ version }) => version)).toEqual(
          Array.from({ length: ruleVersionsMax }, (_, index) => ruleVersionsMax + 5 - index),
        )
        expect(versions[0]).toMatchObject({ by: "ann", document: { name: "v55" } })
        expect(yield* rejectionOf(tell(engine, { _tag: "Restore", version: 5 }))).toEqual({
          _tag: "RuleVersionUnknown",
        })
        yield* tell(engine, { _tag: "Remove" })
        const { view } = yield* tell(engine, { _tag: "Restore", version: 6 })
        expect(view).toMatchObject({ version: 56, document: { name: "v6" } })
        expect((yield* tell(engine, { _tag: "Versions" })).versions[0]).toMatchObject({ restored: 6 })
      }),
    ),
  )

  it(
    "keeps fewer versions of large documents",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        const note = "x".repeat(8_000)
        const annotations = { a: note, b: note, c: note, d: note, e: note, f: note, g: note }
        for (let index = 1; index <= 20; index++) yield* define(engine, { name: `v${index}`, annotations })
        const { versions } = yield* tell(engine, { _tag: "Versions" })
        expect(versions.length).toBeLessThan(10)
        expect(versions[0]?.version).toBe(20)
        const more = Object.fromEntries("abcdefghi".split("").map((name) => [name, note]))
        expect(yield* rejectionOf(define(engine, { annotations: more }))).toMatchObject({
          _tag: "BadRule",
          problems: [{ field: "(body)" }],
        })
      }),
    ),
  )

  it.each([
    [{}, "trigger"],
    [{ cron: "* * * * *", every: "1m" }, "trigger"],
    [{ every: "0" }, "trigger.every"],
    [{ every: "999ms" }, "trigger.every"],
    [{ every: "999999w" }, "trigger.every"],
    [{ cron: "0 0 31 2 *" }, "trigger.cron"],
    [{ cron: "* * * * * *" }, "trigger.cron"],
    [{ cron: "nonsense" }, "trigger.cron"],
    [{ cron: "61 * * * *" }, "trigger.cron"],
    [{ cron: "" }, "trigger.cron"],
    [{ cron: "* * * * *", time_zone: "Mars/Olympus" }, "trigger.time_zone"],
  ] as ReadonlyArray<readonly [object, string]>)(
    "is refused with a schedule %j, naming %s",
    (schedule, field) =>
      withProduct((product) =>
        Effect.gen(function* () {
          const { engine } = yield* product.start()
          const trigger = { type: "schedule", ...schedule } as const
          const scheduled = { _tag: "Define", document: { name: "r", trigger } } as const
          expect(yield* rejectionOf(tell(engine, scheduled))).toMatchObject({
            _tag: "BadRule",
            problems: [{ field, problem: expect.any(String), remedy: expect.any(String) }],
          })
        }),
      )(),
  )

  it(
    "of version 1 says the same in a document, and is told to its lane when it is read",
    withProduct((product) =>
      Effect.gen(function* () {
        const changes = watchLanes(product)
        const { engine } = yield* product.start()
        const old = {
          name: "busy\u0007",
          metric: "cpu",
          where: { zone: "a" },
          group_by: ["host"],
          operator: "<=",
          threshold: 10,
          clear: 20.5,
          for_ms: 90_000,
          severity: "critical",
          notify: "ops",
          enabled: true,
        }
        const stored: { readonly _tag: string; readonly rule: unknown } = { _tag: "Define", rule: old }
        engine.submit(`${tenant}/cep-rule/r`, 1, stored, { tenant }, () => {})
        yield* eventually(() => changes.length === 1)
        expect((yield* read(engine)).document).toEqual({
          name: "busy ",
          trigger: { type: "metric", metric: "cpu", where: { zone: "a" } },
          group_by: ["host"],
          condition: "value <= 10.0",
          clear: "value >= 20.5",
          for: "1m30s",
          severity: "critical",
          actions: [{ type: "notify", channel: "ops" }],
          enabled: true,
        })
      }),
    ),
  )
})
