/**
 * Two whole nodes over one PostgreSQL and one NATS server, with rules on schedules: the node that holds them is killed, again
 * and again, and the other goes on. Each run is decided by one node, and is in the lane and at the desk once.
 */
import { randomBytes } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { afterAll, beforeAll, expect, inject, it } from "vitest"
import { layer } from "../../streams/index.ts"
import { partitions } from "../chaos/config.ts"
import { everyMs, readSchedules, schedulesOf } from "../chaos/schedule-rules.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { type NodeProcess, startNodeProcess } from "../support/node-process.ts"
import { rulesPath } from "../support/rules.ts"
import { newDatabase } from "./new-database.ts"

const kills = 3
const tenant = "default"
const { rules, document } = schedulesOf(tenant, "all")

const [[, server] = ["", ""]] = inject("databases")
let nats: TestNatsServer
let settings: Readonly<Record<string, string>>
const nodes: Array<{ readonly home: string; readonly node: NodeProcess }> = []

const start = async (home: string) => nodes.push({ home, node: await startNodeProcess(home, settings) })

beforeAll(async () => {
  nats = await testNatsServer()
  const { user, pass } = nats.connection
  settings = {
    DATABASE_URL: await newDatabase(server),
    NATS_URL: nats.url,
    NATS_USER: user,
    NATS_PASSWORD: pass,
    MILLRACE_PARTITIONS: String(partitions),
    MILLRACE_SECRET_KEYS: `k1:${randomBytes(32).toString("base64")}`,
  }
  for (let count = 0; count < 2; count++) await start(await mkdtemp(join(tmpdir(), "millrace-schedules-")))
}, 120_000)

afterAll(async () => {
  for (const { node } of nodes) await node.kill()
  await nats?.stop()
  for (const { home } of nodes) await rm(home, { recursive: true, force: true })
})

const stored = () => {
  const { servers, user, pass } = nats.connection
  const config = { servers, user, password: Redacted.make(pass), partitions, storageBudgetBytes: 1024 ** 3 }
  return Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(layer(config)), (streams) =>
        Effect.provide(readSchedules(rules, tenant), streams),
      ),
    ),
  )
}
const newestAt = async () => {
  const found = await stored()
  return Math.min(
    ...[...found.values()].map(({ alerts }) => Math.max(0, ...[...alerts.values()].map(({ at }) => at))),
  )
}
/** Every rule ran, and its desk heard of it, after this moment. */
const ranAfter = (at: number) => expect.poll(newestAt, { timeout: 60_000, interval: 500 }).toBeGreaterThan(at)

it("every run of a schedule happens once, whichever node is killed", { timeout: 180_000 }, async () => {
  const firstAt = new Map<string, number>()
  for (const rule of rules) {
    const { url, token } = nodes[0]!.node
    const response = await fetch(`${url}${rulesPath}/${rule}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(document),
    })
    expect(response.status).toBe(201)
    const { created_at } = (await response.json()) as { readonly created_at: string }
    firstAt.set(rule, Date.parse(created_at) + everyMs)
  }
  for (let kill = 0; kill < kills; kill++) {
    await ranAfter(Date.now())
    const { home, node } = nodes.shift()!
    await node.kill()
    await start(home)
  }
  await ranAfter(Date.now())
  let others = 0
  let longestMs = 0
  for (const [rule, { decided, stored: inLane, alerts }] of await stored()) {
    const ran = decided.flatMap(({ due }) => due)
    const first = firstAt.get(rule)!
    expect(ran, rule).toEqual(ran.map((_, nth) => first + nth * everyMs))
    // What was decided last may still be on its way.
    const heard = [...alerts.values()].map(({ at }) => at)
    const lane = inLane.map(({ at }) => at)
    expect(lane, rule).toEqual(ran.slice(0, lane.length))
    expect(heard, rule).toEqual(ran.slice(0, heard.length))
    const gaps = inLane.slice(1).map(({ storedAt }, index) => storedAt - inLane[index]!.storedAt)
    longestMs = Math.max(longestMs, ...gaps)
    others += new Set(decided.map(({ node }) => node)).size - 1
  }
  console.info(`${kills} kills of a whole node: the longest time without a run was ${longestMs} ms`)
  expect(others, "times that another node went on").toBeGreaterThanOrEqual(kills)
})
