import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { tokensOf } from "../../../actors/agent/implementation.ts"
import { seedBuiltins } from "../../../actors/index.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { AgentProtocol, type Alert, alertsKeptMax } from "../../../schemas/index.ts"
import { ask, rejectionOf, tenant, withProduct } from "../../support/product.ts"

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
        expect(yield* ask(engine, AgentProtocol, "guide", { _tag: "Status" })).toMatchObject({
          status: "ready",
        })
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
    "says why it cannot work: unknown, of another framework, or without a behaviour",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine } = yield* product.start()
        expect(yield* rejectionOf(execute(engine, "nobody", "x"))).toEqual({ _tag: "AgentUnknown" })
        const register = (agent: string, framework: "agno" | "builtin") =>
          ask(engine, AgentProtocol, agent, {
            _tag: "Register",
            name: "A",
            framework,
            description: "",
            skills: [],
          })
        yield* register("remote", "agno")
        expect(yield* rejectionOf(execute(engine, "remote", "x"))).toMatchObject({
          _tag: "FrameworkUnsupported",
          framework: "agno",
        })
        yield* register("blank", "builtin")
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
