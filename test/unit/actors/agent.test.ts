import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { tokensOf } from "../../../actors/agent/frameworks/builtin.ts"
import { upcastState } from "../../../actors/agent/state.ts"
import { seedBuiltins } from "../../../actors/index.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { AgentProtocol, type AgentView, type Alert, alertsKeptMax } from "../../../schemas/index.ts"
import { fixtures, statesAs } from "../../golden/fixture.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"
import { found, remote, scripted } from "../../support/scripted-agent.ts"

const execute = (engine: EngineShape, agent: string, task: string) =>
  ask(engine, AgentProtocol, agent, { _tag: "Execute", task })
const alert = (id: number, status: Alert["status"] = "raised"): Alert => ({
  id: `alert-${id}`,
  rule: "r",
  name: `rule ${id}`,
  severity: "warning",
  status,
  metric: "cpu",
  group: { host: "web" },
  value: 90,
  threshold: 80,
  since: id,
  at: id,
})

describe("an agent", () => {
  it(
    "is described as it was registered; registering the same again changes nothing",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect(yield* rejectionOf(ask(engine, AgentProtocol, "guide", { _tag: "Describe" }))).toEqual({
          _tag: "AgentUnknown",
        })
        yield* seedBuiltins(engine, tenant)
        const described = yield* ask(engine, AgentProtocol, "guide", { _tag: "Describe" })
        expect(described).toMatchObject({ agent: "guide", framework: "builtin", running: 0 })
        yield* seedBuiltins(engine, tenant)
        expect(yield* ask(engine, AgentProtocol, "guide", { _tag: "Describe" })).toEqual(described)
      }),
    ),
  )

  it(
    "executes a task: ops with blocks and the plan they are from, the guide by naming whom to ask",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        yield* product.publish([
          { name: "host_load1", labels: { host: "web" }, value: 3, at: product.time.now },
        ])
        const done = yield* execute(engine, "ops", "load now")
        expect(done).toMatchObject({ status: "success", plan: expect.any(String) })
        expect(done.blocks.map(({ type }) => type)).toEqual(["text", "table", "reference"])
        expect(done.text).toMatch(/latest: 3/)
        expect(yield* execute(engine, "guide", "load now")).toMatchObject({
          status: "handover",
          toAgent: "ops",
        })
        expect(yield* execute(engine, "guide", "안녕하세요")).toMatchObject({
          status: "success",
          text: expect.stringMatching(/오프라인 에이전트/),
        })
      }),
    ),
  )

  it(
    "says why it cannot work: unknown, or without a behaviour",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect(yield* rejectionOf(execute(engine, "nobody", "x"))).toEqual({ _tag: "AgentUnknown" })
        const blank = { name: "A", framework: "builtin", description: "", skills: [] } as const
        yield* ask(engine, AgentProtocol, "blank", { _tag: "Register", ...blank })
        expect(yield* execute(engine, "blank", "x")).toMatchObject({ status: "failed", code: "NoBehaviour" })
      }),
    ),
  )

  it(
    "keeps the newest alerts, one per alert, newest first",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        for (let id = 1; id <= alertsKeptMax + 5; id++) {
          yield* ask(engine, AgentProtocol, "ops", { _tag: "Alert", alert: alert(id) })
        }
        yield* ask(engine, AgentProtocol, "ops", { _tag: "Alert", alert: alert(20, "resolved") })
        const { alerts } = yield* ask(engine, AgentProtocol, "ops", { _tag: "RecentAlerts" })
        expect(alerts).toHaveLength(alertsKeptMax)
        expect(alerts[0]).toMatchObject({ id: "alert-20", status: "resolved" })
        expect(alerts.filter(({ id }) => id === "alert-20")).toHaveLength(1)
        expect(
          (yield* ask(engine, AgentProtocol, "ops", { _tag: "RecentAlerts", limit: 2 })).alerts,
        ).toHaveLength(2)
      }),
    ),
  )

  it("cuts a text into tokens that together are the text", () => {
    for (const text of ["", "one", "  one  two\nthree\n", "가나 다라", "x".repeat(1_000), "\n\n a"]) {
      expect(tokensOf(text).join("")).toBe(text)
    }
  })
})

const create = (engine: EngineShape, descriptor = remote) =>
  ask(engine, AgentProtocol, "r", { _tag: "Create", descriptor, by: "olga" })
const move = (engine: EngineShape, status: AgentView["status"]) =>
  ask(engine, AgentProtocol, "r", { _tag: "Move", status })

describe("the life of an agent", () => {
  it(
    "goes by single steps from development to production and back, and says which steps there are",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted([Effect.succeed(found("healthy"))]).kind])
        expect(yield* create(engine)).toMatchObject({ agent: "r", status: "DEVELOPMENT", version: 1 })
        expect(yield* rejectionOf(create(engine))).toEqual({ _tag: "AgentExists" })
        const refused = (from: string, allowed: ReadonlyArray<string>) => ({
          _tag: "AgentMoveRefused",
          from,
          allowed,
        })
        expect(yield* rejectionOf(move(engine, "PRODUCTION"))).toEqual(refused("DEVELOPMENT", ["STAGING"]))
        expect(yield* move(engine, "STAGING")).toMatchObject({ status: "STAGING", version: 2 })
        expect(yield* move(engine, "STAGING")).toMatchObject({ version: 2 })
        expect(yield* move(engine, "PRODUCTION")).toMatchObject({ status: "PRODUCTION", version: 3 })
        expect(yield* rejectionOf(move(engine, "DEVELOPMENT"))).toEqual(refused("PRODUCTION", ["STAGING"]))
        yield* move(engine, "STAGING")
        expect(yield* move(engine, "DEVELOPMENT")).toMatchObject({ status: "DEVELOPMENT" })
      }),
    ),
  )

  it(
    "is changed by its version only, and not while it is archived, when it takes no task either",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start([scripted([Effect.succeed(found("healthy"))]).kind])
        yield* create(engine)
        const change = (name: string, expectedVersion?: number) =>
          ask(engine, AgentProtocol, "r", {
            _tag: "Change",
            descriptor: { ...remote, name },
            ...(expectedVersion === undefined ? {} : { expectedVersion }),
          })
        expect(yield* change("B", 1)).toMatchObject({ name: "B", version: 2 })
        expect(yield* rejectionOf(change("C", 1))).toEqual({ _tag: "AgentVersionConflict", version: 2 })
        expect(yield* change("B", 2)).toMatchObject({ version: 2 })
        const archive = (archived: boolean) => ask(engine, AgentProtocol, "r", { _tag: "Archive", archived })
        expect(yield* archive(true)).toMatchObject({ archived: true, version: 3 })
        const archived = { _tag: "AgentArchived" }
        expect(yield* rejectionOf(change("D"))).toEqual(archived)
        expect(yield* rejectionOf(move(engine, "STAGING"))).toEqual(archived)
        expect(yield* rejectionOf(execute(engine, "r", "x"))).toEqual(archived)
        expect(yield* rejectionOf(ask(engine, AgentProtocol, "r", { _tag: "CheckHealth" }))).toEqual(archived)
        expect(yield* archive(false)).toMatchObject({ archived: false, version: 4 })
        const nobody = ask(engine, AgentProtocol, "nobody", { _tag: "Archive", archived: true })
        expect(yield* rejectionOf(nobody)).toEqual({ _tag: "AgentUnknown" })
      }),
    ),
  )

  it(
    "names a task's conversation by the caller and the caller's own session, so that nobody enters another's",
    withProduct((product) =>
      Effect.gen(function* () {
        const { kind, asked } = scripted([Effect.succeed(found("healthy"))])
        const { engine } = yield* product.start([kind])
        yield* create(engine)
        const give = (principal: string, session_id?: string, of = tenant) =>
          engine.ask(
            AgentProtocol,
            "r",
            { _tag: "Execute", task: "x", ...(session_id === undefined ? {} : { context: { session_id } }) },
            { tenant: of, principal },
          )
        const own = [
          ["ann", "s"],
          ["ann", "s"],
        ] as const
        const others = [["bob", "s"], ["ann"], ["ann"], ["a", "b:c"], ["a:b", "c"]] as const
        for (const [who, session] of [...own, ...others]) yield* give(who, session)
        const elsewhere = { tenant: "acme", principal: "ann" }
        yield* engine.ask(AgentProtocol, "r", { _tag: "Create", descriptor: remote, by: "eve" }, elsewhere)
        yield* give("ann", "s", "acme")
        const [first, again, ...rest] = asked.map(({ conversation }) => conversation)
        expect(again).toBe(first)
        expect(new Set([first, ...rest]).size).toBe(7)
      }),
    ),
  )

  it(
    "is answered although lists cannot be told, which is done later",
    withProduct((product) =>
      Effect.gen(function* () {
        const script = scripted([Effect.succeed(found("healthy"))])
        const { engine } = yield* product.start([script.kind])
        script.breakIndex(true)
        expect(yield* create(engine)).toMatchObject({ agent: "r" })
        expect(script.listed).toEqual([])
        script.breakIndex(false)
        yield* eventually(() => script.listed.some(({ agent }) => agent === "r"))
      }),
    ),
  )
})

describe("what version 1 kept of an agent", () => {
  it("is as its journal folds today, in production from its registration on", () => {
    const fixture = fixtures().find(({ kind, version }) => kind === "agent" && version === 1)!
    for (const [id, state] of Object.entries(statesAs(fixture, 2)!)) {
      expect(upcastState(fixture.states[id])).toEqual(state)
      expect(state).toMatchObject({ status: "PRODUCTION", version: 1 })
    }
  })
})
