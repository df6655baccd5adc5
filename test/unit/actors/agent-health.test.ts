/** How an agent's health is found out, counted, and told to lists, in virtual time. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { checkEveryMs } from "../../../actors/agent/change.ts"
import { healthWaitingMax, listedEvery } from "../../../actors/agent/health-check.ts"
import { ActivityFailure, type EngineShape } from "../../../engine/index.ts"
import { AgentProtocol } from "../../../schemas/index.ts"
import { ask, eventually, rejectionOf, withProduct } from "../../support/product.ts"
import { found, remote, scripted } from "../../support/scripted-agent.ts"

const create = (engine: EngineShape, descriptor = remote) =>
  ask(engine, AgentProtocol, "r", { _tag: "Create", descriptor, by: "olga" })
const described = (engine: EngineShape) => ask(engine, AgentProtocol, "r", { _tag: "Describe" })

describe("the health of an agent", () => {
  it(
    "is checked soon and every minute while it has an address and is not archived, also after a crash",
    withProduct((product) =>
      Effect.gen(function* () {
        const script = scripted([Effect.succeed(found("healthy"))])
        const first = yield* product.start([script.kind])
        expect((yield* create(first.engine)).health.status).toBe("unknown")
        yield* eventually(() => script.checked.length === 1)
        yield* Effect.sleep(2 * checkEveryMs + 7_000)
        expect(script.checked.length).toBe(3)
        yield* first.crash
        const { engine } = yield* product.start([script.kind])
        yield* Effect.sleep(2 * checkEveryMs + 7_000)
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
        yield* Effect.sleep(3 * checkEveryMs + 15_000)
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
