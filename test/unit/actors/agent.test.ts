import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Agent } from "../../../actors/agent/agent.ts"
import { checkEveryMs } from "../../../actors/agent/change.ts"
import { tokensOf } from "../../../actors/agent/frameworks/builtin.ts"
import { healthWaitingMax, listedEvery } from "../../../actors/agent/health-check.ts"
import { upcastState } from "../../../actors/agent/state.ts"
import { seedBuiltins } from "../../../actors/index.ts"
import { ActivityFailure, type EngineShape } from "../../../engine/index.ts"
import {
  type AgentDescriptor,
  type AgentHealth,
  AgentProtocol,
  type AgentView,
  type Alert,
  alertsKeptMax,
} from "../../../schemas/index.ts"
import { fixtures, statesAs } from "../../golden/fixture.ts"
import { implementation } from "../../support/deployment.ts"
import { ask, eventually, rejectionOf, tenant, withProduct } from "../../support/product.ts"

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

const remote: AgentDescriptor = {
  name: "Remote",
  framework: "agno",
  description: "",
  skills: [],
  owner: "olga",
  endpoint: "http://agno.example/agent",
}
const found = (status: AgentHealth["status"]): AgentHealth => ({
  status,
  consecutiveFailures: 0,
  latencyMs: 3,
})

/** An agent whose checks find what `answers` say, one after the other, the last one again and again. */
const scripted = (answers: Array<Effect.Effect<AgentHealth, ActivityFailure>>) => {
  const listed: Array<AgentView> = []
  const checked: Array<string> = []
  let indexFails = false
  const kind = implementation(Agent, {
    index: ({ view }: { readonly view: AgentView }) =>
      Effect.suspend(() => {
        if (indexFails)
          return Effect.fail(
            new ActivityFailure({ code: "IndexUnavailable", detail: "away", retryable: false }),
          )
        listed.push(view)
        return Effect.succeed({ revision: view.revision })
      }),
    check: (view: AgentView) =>
      Effect.suspend(() => {
        checked.push(view.endpoint ?? "")
        return answers.length > 1 ? answers.shift()! : answers[0]!
      }),
  } as never)
  return {
    kind,
    listed,
    checked,
    breakIndex: (fails: boolean) => {
      indexFails = fails
    },
  }
}

const create = (engine: EngineShape, descriptor = remote) =>
  ask(engine, AgentProtocol, "r", { _tag: "Create", descriptor, by: "olga" })
const described = (engine: EngineShape) => ask(engine, AgentProtocol, "r", { _tag: "Describe" })
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

describe("the health of an agent", () => {
  it(
    "is checked soon and every minute while it has an address and is not archived, also after a crash",
    withProduct((product) =>
      Effect.gen(function* () {
        const script = scripted([Effect.succeed(found("healthy"))])
        const first = yield* product.start([script.kind])
        expect((yield* create(first.engine)).health.status).toBe("unknown")
        yield* eventually(() => script.checked.length === 1)
        yield* Effect.sleep(2 * checkEveryMs + 1_000)
        expect(script.checked.length).toBe(3)
        yield* first.crash
        const { engine } = yield* product.start([script.kind])
        yield* Effect.sleep(2 * checkEveryMs + 5_000)
        const before = script.checked.length
        expect(before).toBeGreaterThan(3)
        expect((yield* described(engine)).health).toMatchObject({ status: "healthy", latencyMs: 3 })
        yield* ask(engine, AgentProtocol, "r", { _tag: "Archive", archived: true })
        yield* Effect.sleep(5 * checkEveryMs)
        expect(script.checked.length).toBe(before)
        yield* ask(engine, AgentProtocol, "r", { _tag: "Archive", archived: false })
        yield* Effect.sleep(checkEveryMs)
        expect(script.checked.length).toBeGreaterThan(before)
      }),
    ),
  )

  it(
    "counts failures one after another; lists are told of another status at once, of the same one rarely",
    withProduct((product) =>
      Effect.gen(function* () {
        const bad = found("unhealthy")
        const script = scripted([Effect.succeed(found("healthy")), Effect.succeed(bad)])
        const { engine } = yield* product.start([script.kind])
        yield* create(engine)
        yield* Effect.sleep(3 * checkEveryMs + 5_000)
        expect((yield* described(engine)).health).toMatchObject({
          status: "unhealthy",
          consecutiveFailures: 3,
        })
        const statuses = () => script.listed.map(({ health }) => health.status)
        expect(statuses()).toEqual(["unknown", "healthy", "unhealthy"])
        const version = (yield* described(engine)).version
        yield* Effect.sleep((listedEvery + 1) * checkEveryMs)
        expect(statuses()).toEqual(["unknown", "healthy", "unhealthy", "unhealthy"])
        expect((yield* described(engine)).version).toBe(version)
      }),
    ),
  )

  it(
    "is unhealthy when a check fails, and as it was when it could not be made",
    withProduct((product) =>
      Effect.gen(function* () {
        const failing = (code: string) =>
          Effect.fail(new ActivityFailure({ code, detail: "no answer", retryable: false }))
        const script = scripted([failing("Timeout"), failing("CheckImpossible")])
        const { engine } = yield* product.start([script.kind])
        yield* create(engine)
        const check = ask(engine, AgentProtocol, "r", { _tag: "CheckHealth" })
        const unhealthy = { status: "unhealthy", detail: "no answer", consecutiveFailures: 1 }
        expect((yield* check).health).toMatchObject(unhealthy)
        expect((yield* check).health).toMatchObject(unhealthy)
        expect(script.checked.length).toBe(2)
      }),
    ),
  )

  it(
    "is asked for by many with one check, and not by more than it takes",
    withProduct((product) =>
      Effect.gen(function* () {
        const slow = Effect.delay(Effect.succeed(found("healthy")), 5_000)
        const script = scripted([slow])
        const { engine } = yield* product.start([script.kind])
        yield* create(engine, { ...remote, name: "slow" })
        const asking = rejectionOf(ask(engine, AgentProtocol, "r", { _tag: "CheckHealth" }))
        const all = yield* Effect.all(
          Array.from({ length: healthWaitingMax + 1 }, () => asking),
          { concurrency: "unbounded" },
        )
        const busy = all.filter((one) => (one as { _tag?: string })._tag === "AgentBusy")
        expect(busy).toHaveLength(1)
        // The asked one, and that after the registration.
        expect(script.checked.length).toBeLessThanOrEqual(2)
      }),
    ),
  )

  it(
    "is never what was found at another address",
    withProduct((product) =>
      Effect.gen(function* () {
        const slow = Effect.delay(Effect.succeed(found("unhealthy")), 5_000)
        const script = scripted([slow, Effect.succeed(found("healthy"))])
        const { engine } = yield* product.start([script.kind])
        yield* create(engine)
        yield* eventually(() => script.checked.length === 1)
        const descriptor = { ...remote, endpoint: "http://elsewhere.example/agent" }
        const changed = yield* ask(engine, AgentProtocol, "r", { _tag: "Change", descriptor })
        expect(changed.health.status).toBe("unknown")
        yield* Effect.sleep(10_000)
        expect((yield* described(engine)).health.status).toBe("healthy")
        expect(script.listed.map(({ health }) => health.status)).not.toContain("unhealthy")
        expect(new Set(script.checked.slice(1))).toEqual(new Set([descriptor.endpoint]))
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
