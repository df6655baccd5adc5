/** What rules do besides telling people, with the rights that their owners have when it is done. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Platform } from "../../../../actors/index.ts"
import type { EngineShape } from "../../../../engine/index.ts"
import {
  AgentProtocol,
  type AlertAction,
  actionsKey,
  NotificationProtocol,
} from "../../../../schemas/index.ts"
import { actionOf } from "../../../support/notified.ts"
import { scriptedPlatform } from "../../../support/platform.ts"
import { ask, withProduct } from "../../../support/product.ts"

const accessWith =
  (permissions: ReadonlyArray<string>, active = true): Platform["access"] =>
  (tenant, name) =>
    Effect.map(scriptedPlatform().access(tenant, name), (access) =>
      access === undefined ? undefined : { ...access, permissions, active },
    )

const key = actionsKey("cpu")
const act = (engine: EngineShape, action: AlertAction) =>
  ask(engine, NotificationProtocol, key, { _tag: "Act", action })

const logged = Effect.fnUntraced(function* (engine: EngineShape) {
  yield* Effect.sleep(10_000)
  return yield* ask(engine, NotificationProtocol, key, { _tag: "Log", limit: 10 })
})

const question = { type: "ask_ops", question: "which hosts are there" } as const
const work = { type: "execute_agent", agent: "own", message: "hello" } as const

const ownAgent = {
  name: "Own",
  framework: "builtin",
  behaviour: "guide",
  description: "",
  skills: [],
  accessLevel: "private",
  owner: "bob",
} as const

describe("an action in the name of a rule's owner", () => {
  it(
    "is not done without the permission that the owner needs at that moment",
    withProduct((product) =>
      Effect.gen(function* () {
        product.platform = { access: accessWith(["cep:write"]) }
        const { engine } = yield* product.start()
        yield* act(engine, actionOf("a", question))
        yield* act(engine, actionOf("b", work))
        const log = yield* logged(engine)
        expect(new Map(log.map(({ id, status, detail }) => [id, `${status}: ${detail}`]))).toEqual(
          new Map([
            ["a", 'given_up: the rule\'s owner "ann" does not hold "ops:ask"'],
            ["b", 'given_up: the rule\'s owner "ann" does not hold "agent:execute"'],
          ]),
        )
      }),
    ),
  )

  it(
    "is not done for an owner who is not active any more",
    withProduct((product) =>
      Effect.gen(function* () {
        product.platform = { access: accessWith(["*"], false) }
        const { engine } = yield* product.start()
        yield* act(
          engine,
          actionOf("a", { type: "call_api", api: "https://a.example", method: "POST", body: "" }),
        )
        expect(yield* logged(engine)).toMatchObject([
          { status: "given_up", attempts: 1, detail: 'the rule\'s owner "ann" is not active any more' },
        ])
      }),
    ),
  )

  it(
    "reaches no agent that the owner may not use",
    withProduct((product) =>
      Effect.gen(function* () {
        product.platform = { access: accessWith(["agent:execute"]) }
        const { engine } = yield* product.start()
        yield* ask(engine, AgentProtocol, "own", { _tag: "Create", descriptor: ownAgent, by: "bob" })
        yield* act(engine, actionOf("a", work))
        yield* act(engine, actionOf("b", work, "bob"))
        const log = yield* logged(engine)
        const byId = Object.fromEntries(log.map((one) => [one.id, one]))
        expect(byId.a).toMatchObject({ status: "given_up", detail: '"ann" may not use agent "own"' })
        expect(byId.b).toMatchObject({ status: "delivered", attempts: 1 })
        expect(yield* ask(engine, AgentProtocol, "own", { _tag: "Describe" })).toMatchObject({ answered: 1 })
      }),
    ),
  )

  it(
    "waits while nobody can say what the owner may do",
    withProduct((product) =>
      Effect.gen(function* () {
        let isThere = false
        const access: Platform["access"] = (tenant, name) =>
          isThere ? accessWith(["*"])(tenant, name) : Effect.fail(new Error("no database"))
        product.platform = { access }
        const { engine } = yield* product.start()
        yield* ask(engine, AgentProtocol, "own", { _tag: "Create", descriptor: ownAgent, by: "bob" })
        yield* act(engine, actionOf("a", work, "bob"))
        yield* Effect.sleep(2_000)
        expect(yield* ask(engine, NotificationProtocol, key, { _tag: "Log", limit: 10 })).toMatchObject([
          { status: "failed", attempts: 1, detail: "the directory did not answer" },
        ])
        isThere = true
        expect(yield* logged(engine)).toMatchObject([{ status: "delivered", attempts: 2 }])
      }),
    ),
  )

  for (const afterMs of [0, 1, 5, 20, 60, 200])
    it(
      `is done once by an agent, though the node died after ${afterMs} ms`,
      withProduct((product) =>
        Effect.gen(function* () {
          product.platform = { access: accessWith(["*"]) }
          const first = yield* product.start()
          yield* ask(first.engine, AgentProtocol, "own", { _tag: "Create", descriptor: ownAgent, by: "bob" })
          yield* act(first.engine, actionOf("a", work, "bob"))
          yield* Effect.sleep(afterMs)
          yield* first.crash
          const { engine } = yield* product.start()
          expect(yield* logged(engine)).toMatchObject([{ id: "a", status: "delivered" }])
          yield* act(engine, actionOf("a", work, "bob"))
          yield* logged(engine)
          expect(yield* ask(engine, AgentProtocol, "own", { _tag: "Describe" })).toMatchObject({
            answered: 1,
          })
        }),
      ),
    )
})
