/** A lane whose stored state is damaged, on a whole node: what operators see of it, and what a rebuild makes of it. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { KeyValue } from "../../engine/index.ts"
import type { RuleDocument } from "../../schemas/index.ts"
import { laneOf } from "../../streams/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

const partitions = 4
const lane = laneOf("default", "queue_length", partitions)

let node: TestNode
beforeAll(async () => {
  node = await startTestNode({ MILLRACE_PARTITIONS: String(partitions) })
}, 120_000)
afterAll(() => node?.stop())

const run = async (...words: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, "../../cli/millrace.ts"), ...words],
    { env: { ...process.env, MILLRACE_HOME: node.home } },
  )
  return stdout
}

const until = async <A>(look: () => Promise<A | undefined | false>): Promise<A> => {
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const document: RuleDocument = {
  name: "Queue is long",
  trigger: { type: "metric", metric: "queue_length" },
  group_by: ["queue"],
  condition: "value > 100.0",
}
const send = (...samples: ReadonlyArray<readonly [queue: string, value: number]>) =>
  node.request("POST", "/api/cep/metrics", {
    body: { samples: samples.map(([queue, value]) => ({ name: "queue_length", labels: { queue }, value })) },
  })

/** `rule queue` of each that fires; the built-in rules watch this busy machine. */
const firing = async (): Promise<ReadonlyArray<string>> => {
  const { alerts } = await json(await node.request("GET", "/api/cep/alerts?state=firing&limit=100"))
  return (alerts as ReadonlyArray<{ rule: string; labels: { queue: string } }>)
    .filter(({ rule }) => rule === "long" || rule === "gone")
    .map(({ rule, labels }) => `${rule} ${labels.queue}`)
    .toSorted()
}
const untilFiring = (...wanted: ReadonlyArray<string>) =>
  until(async () => (await firing()).join() === wanted.join())

const untilRunning = (rule: string) =>
  until(async () => {
    const { status } = await json(await node.request("GET", `/api/cep/rules/${rule}/monitor`))
    return status === "running"
  })

const keyValue = <A>(work: (store: KeyValue.KeyValueStore) => Effect.Effect<A, unknown>) =>
  node.run(Effect.flatMap(KeyValue.KeyValue as never, work) as Effect.Effect<A, unknown>)

interface LaneBody {
  readonly lane: number
  readonly state: string
  readonly figures?: { readonly rules: number; readonly sequence: number; readonly checkpoint: number }
  readonly problem?: { readonly reason: string; readonly mend: string }
}
const laneNow = async (): Promise<LaneBody> => {
  const { lanes } = await json(await node.request("GET", "/api/admin/lanes"))
  return (lanes as ReadonlyArray<LaneBody>)[lane]!
}

const damageHead = () =>
  keyValue((store) =>
    Effect.gen(function* () {
      const [head] = yield* store.getMany([`lane/${lane}/head`])
      const write = {
        key: `lane/${lane}/head`,
        value: new TextEncoder().encode("{"),
        expectedRevision: head!.revision,
      }
      yield* store.putMany([write])
    }),
  )

describe("a lane whose stored state is damaged", () => {
  it("is told of with the way to mend it, is rebuilt, and what fires no more is resolved", async () => {
    for (const rule of ["long", "gone"])
      expect(
        (await node.request("PUT", `/api/cep/rules/${rule}`, { body: { ...document, name: rule } })).status,
      ).toBe(201)
    await send(["mail", 200], ["web", 200], ["ads", 1])
    await untilFiring("gone mail", "gone web", "long mail", "long web")
    await until(async () => {
      const { figures } = await laneNow()
      return figures !== undefined && figures.checkpoint === figures.sequence
    })

    await damageHead()
    const again = await node.request("GET", "/health")
    expect(again.status).toBe(200)
    // Its owner finds out when it stores the next checkpoint.
    await send(["other", 1])
    const problem = await until(async () => (await laneNow()).problem)
    expect(problem).toMatchObject({
      reason: expect.stringContaining("has a damaged head"),
      mend: `millrace lanes rebuild ${lane}`,
    })
    const { components } = await json(await node.request("GET", "/health"))
    expect((components as Record<string, unknown>).lanes).toMatchObject({
      status: "degraded",
      loading: [lane],
      problems: [{ lane, state: "unreadable", mend: `millrace lanes rebuild ${lane}` }],
    })
    expect(await json(await node.request("GET", "/api/cep/rules/long/monitor"))).toMatchObject({
      status: "stopped",
    })
    expect(await run("lanes")).toMatch(new RegExp(`^${lane} +\\S+ +unreadable .*damaged head`, "m"))
    const metrics = await (await node.request("GET", "/metrics")).text()
    expect(metrics).toContain(`millrace_lane_problem_since_seconds{lane="${lane}",state="unreadable"}`)

    // While nobody evaluates, one queue gets short, and a rule goes.
    await send(["web", 1])
    expect((await node.request("DELETE", "/api/cep/rules/gone")).status).toBe(204)

    await expect(run("lanes", "rebuild", String(lane))).rejects.toThrow(/Say --yes/)
    expect(await run("lanes", "rebuild", String(lane), "--yes")).toContain(`lane ${lane} begins again`)
    await untilRunning("long")
    await untilFiring("long mail")
    await send(["web", 300], ["mail", 1])
    await untilFiring("long web")
    const audit = await json(await node.request("GET", "/api/admin/audit-log/?action=lane.rebuild"))
    expect(JSON.stringify(audit)).toContain("lane.rebuild")
  }, 120_000)

  it("is rebuilt as well while it is well: its owner loses it", async () => {
    expect(await json(await node.request("POST", `/api/admin/lanes/${lane}/rebuild`))).toMatchObject({ lane })
    await untilRunning("long")
    await send(["web", 1])
    await untilFiring()
  }, 120_000)

  it("that there is not, and of whoever may not, is refused", async () => {
    expect(await errorOf(await node.request("POST", "/api/admin/lanes/4/rebuild"))).toMatchObject({
      status: 404,
      code: "CEP_LANE_002",
    })
    await node.request("POST", "/api/admin/tenants/", { body: { id: "other", name: "Other" } })
    const token = await node.login("zoe", { tenant: "other" })
    expect((await node.request("GET", "/api/admin/lanes", { token })).status).toBe(403)
    const reader = await node.narrow(await node.login("developer"), ["platform:read"])
    expect((await node.request("GET", "/api/admin/lanes", { token: reader })).status).toBe(200)
    expect((await node.request("POST", `/api/admin/lanes/${lane}/rebuild`, { token: reader })).status).toBe(
      403,
    )
  })
})
