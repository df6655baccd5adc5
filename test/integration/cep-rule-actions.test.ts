/** What comes of an alert: told over its channel, and what else its rule does, in the name of the rule's owner. */
import * as Effect from "effect/Effect"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { Engine } from "../../engine/index.ts"
import {
  AlertDeskProtocol,
  actionsKey,
  alertDeskKey,
  type Notification,
  type Transition,
} from "../../schemas/index.ts"
import { actionOf, notified } from "../support/notified.ts"
import { type NotifyingNode, startNotifyingNode } from "../support/notifying-node.ts"

let setup: NotifyingNode

beforeAll(async () => {
  setup = await startNotifyingNode()
}, 60_000)
afterAll(() => setup.stop())
afterEach(() => setup.reset())

describe("an action", () => {
  const done = (id: string) => setup.overOf(actionsKey("cpu"), id)
  const call = (api: string) => ({ type: "call_api", api, method: "POST", body: '{"restart":true}' }) as const

  it("calls an API with a key that stays the same over attempts", async () => {
    let failures = 1
    setup.receiver.answer = (_, response) => void response.writeHead(failures-- > 0 ? 503 : 201).end()
    await setup.act(actionOf("c1", call(`${setup.receiver.url}/api`), "developer"))
    expect(await done("c1")).toMatchObject({ status: "delivered", attempts: 2 })
    const asked = setup.receiver.askedFor("/api")
    expect(asked.map(({ method, body }) => `${method} ${body}`)).toEqual([
      'POST {"restart":true}',
      'POST {"restart":true}',
    ])
    expect(new Set(asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1)
  })

  it("that names a managed API, or a private address, is given up with the reason", async () => {
    await setup.act(actionOf("c2", call("api:billing"), "developer"))
    expect((await done("c2")).detail).toContain('there is no managed API "billing"')
    await setup.act(actionOf("c3", call("http://10.0.0.1/"), "developer"))
    expect((await done("c3")).detail).toContain("EGRESS_ALLOW")
  })

  it("asks about the machines and has agents work in the name of the rule's owner", async () => {
    await setup.act(actionOf("q1", { type: "ask_ops", question: "what is the CPU usage now" }, "developer"))
    const asked = await done("q1")
    expect(asked).toMatchObject({ status: "delivered" })
    expect(asked.detail).toMatch(/^plan [0-9a-f-]{36} /)
    await setup.act(actionOf("e1", { type: "execute_agent", agent: "guide", message: "hello" }, "developer"))
    expect(await done("e1")).toMatchObject({ status: "delivered", detail: expect.stringMatching(/\w/) })
  })

  it("is given up when the owner is gone or nobody, and when there is no such agent", async () => {
    const question = { type: "ask_ops", question: "what is the CPU usage now" } as const
    const work = { type: "execute_agent", agent: "guide", message: "hello" } as const
    const reasons: Array<string | undefined> = []
    for (const [id, action, owner] of [
      ["g1", question, "nobody-knows"],
      ["g2", work, undefined],
      ["g3", { ...work, agent: "not-there" }, "developer"],
    ] as const) {
      await setup.act({ id, action, alert: notified(), ...(owner === undefined ? {} : { owner }) })
      const { status, detail } = await done(id)
      expect(status).toBe("given_up")
      reasons.push(detail)
    }
    expect(reasons[0]).toContain('"nobody-knows" is not active any more')
    expect(reasons[1]).toContain("no owner")
    expect(reasons[2]).toContain("AgentUnknown")
  })
})

describe("an alert of a rule", () => {
  const transition = (number: number, to: Transition["to"]): Transition => ({
    id: `seam/0123456789abcdef/${number}`,
    rule: "seam",
    version: 1,
    fingerprint: "0123456789abcdef",
    number,
    to,
    cause: "condition",
    severity: "critical",
    labels: { host: "web" },
    value: 99,
    values: {},
    since: 1_000,
    at: 1_000 + number,
    storedAt: 1_000 + number,
    policy: {
      name: "Seam",
      actions: [
        { type: "notify", channel: "seam" },
        { type: "call_api", api: `${setup.receiver.url}/restart`, body: "now", on: ["firing"] },
      ],
      annotations: { summary: "it goes all the way" },
      owner: "developer",
    },
  })

  it("is told over its channel when it fires and when it is over, and what else its rule does is done once", async () => {
    await setup.put("seam", { type: "webhook", url: `${setup.receiver.url}/seam` })
    const take = (taken: Transition) =>
      setup.node.run(
        Effect.flatMap(Engine, ({ ask }) =>
          ask(AlertDeskProtocol, alertDeskKey, { _tag: "Take", transitions: [taken] }, { tenant: "default" }),
        ) as Effect.Effect<unknown>,
      )
    const told = () =>
      setup.receiver.askedFor("/seam").map(({ body }) => JSON.parse(body).notification as Notification)
    await take(transition(1, "firing"))
    await expect.poll(() => told().length, { timeout: 45_000 }).toBe(1)
    await take(transition(1, "firing"))
    await take(transition(2, "resolved"))
    await expect.poll(() => told().length, { timeout: 45_000 }).toBe(2)
    expect(told().map(({ alerts }) => alerts[0]?.status)).toEqual(["firing", "resolved"])
    expect(setup.receiver.askedFor("/restart").map(({ method, body }) => `${method} ${body}`)).toEqual([
      "POST now",
    ])
  }, 100_000)
})
