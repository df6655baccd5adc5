/** That figures of use are counted once, by day in UTC, and shown to their own tenant only. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { AgentIndex, agentIndexLayer, platformTables, readStatistics } from "../../actors/index.ts"
import { WaitingCalls } from "../../actors/statistics/call-counter.ts"
import { addDaily } from "../../actors/statistics/daily.ts"
import { migrateTraces } from "../../actors/trace/migrations.ts"
import { ensurePositions, type Part, write } from "../../actors/trace/positions.ts"
import { asTenant, Changes, Secrets, Tenancy } from "../../resources/index.ts"
import type { AgentView } from "../../schemas/index.ts"
import { ephemeralDatabase } from "../support/database.ts"
import { forgetProjection } from "../support/trace-deployment.ts"

const services = agentIndexLayer.pipe(
  Layer.provideMerge(Tenancy.layer(platformTables)),
  Layer.provideMerge(ephemeralDatabase()),
  Layer.provide(Secrets.layer({ keys: [{ id: "k", key: Buffer.alloc(32, 1) }] })),
  Layer.provide(Changes.layerLocal),
)

const entry = (sequence: number, tenant: string, kind: string, tag: string, at: string) => ({
  partition: 0,
  sequence,
  index: 0,
  tenant,
  kind,
  key: `k${sequence % 2}`,
  actor: `${tenant}/${kind}/k`,
  cause: "command",
  command: "Do",
  events: [{ _tag: tag }],
  principal: null,
  trace_id: null,
  span_id: `s${sequence}`,
  parent_id: null,
  name: null,
  status: "ok",
  dead_code: null,
  dead_detail: null,
  start_ms: Date.parse(at),
  end_ms: Date.parse(at),
})
const agent = (id: string, at: string, more: Partial<AgentView> = {}): AgentView => ({
  agent: id,
  name: id,
  framework: "llm",
  description: "",
  skills: [],
  status: "DEVELOPMENT",
  archived: false,
  version: 1,
  revision: 1,
  health: { status: "unknown", consecutiveFailures: 0 },
  registeredAt: Date.parse(at),
  updatedAt: Date.parse(at),
  running: 0,
  answered: 0,
  failed: 0,
  ...more,
})
const part = (after: number, entries: Part["entries"]): Part => ({
  source: "journal/0",
  after,
  through: after + entries.length,
  halted: null,
  gaps: 0,
  entries,
  spans: [],
  logs: [],
})

const empty = Effect.gen(function* () {
  yield* forgetProjection
  const sql = yield* SqlClient
  yield* migrateTraces(sql)
  yield* ensurePositions(sql, ["journal/0"])
  return sql
})

layer(services, { excludeTestServices: true, timeout: "2 minutes" })("the statistics", (it) => {
  it.effect("count sessions once with the projection, by the day in UTC", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      const entries = [
        entry(1, "acme", "chat-session", "Opened", "2026-01-31T23:59:59.999Z"),
        entry(2, "acme", "chat-session", "Opened", "2026-02-01T00:00:00Z"),
        entry(3, "acme", "chat-session", "Said", "2026-02-01T00:00:00Z"),
        entry(4, "evil", "chat-session", "Opened", "2026-02-01T00:00:00Z"),
      ]
      yield* write(sql, [part(0, entries)])
      // A second projector that read the old position writes nothing, and counts nothing.
      expect((yield* Effect.flip(write(sql, [part(0, entries)])))._tag).toBe("Fenced")
      const all = { start: "2026-01-01", end: "2026-02-28" }
      const days = yield* readStatistics("acme", { ...all, groupBy: "day" })
      expect(days.statistics).toMatchObject({ total_sessions: 2 })
      expect(days.daily_breakdown.length).toBe(59)
      expect(days.daily_breakdown.filter(({ sessions }) => sessions > 0)).toEqual([
        { date: "2026-01-31", sessions: 1, api_calls: 0 },
        { date: "2026-02-01", sessions: 1, api_calls: 0 },
      ])
      const months = yield* readStatistics("acme", { ...all, groupBy: "month" })
      expect(months.daily_breakdown.map(({ date, sessions }) => [date, sessions])).toEqual([
        ["2026-01-01", 1],
        ["2026-02-01", 1],
      ])
      const weeks = yield* readStatistics("acme", { start: "2026-01-31", end: "2026-02-02", groupBy: "week" })
      expect(weeks.daily_breakdown.map(({ date, sessions }) => [date, sessions])).toEqual([
        ["2026-01-26", 2],
        ["2026-02-02", 0],
      ])
      const before = yield* readStatistics("acme", { start: "2026-01-01", end: "2026-01-31", groupBy: "day" })
      expect(before.statistics).toMatchObject({ total_sessions: 1 })
      expect((yield* readStatistics("evil", { ...all, groupBy: "day" })).statistics.total_sessions).toBe(1)
    }),
  )

  it.effect("count the tenant's own agents that are not archived, and those in production", () =>
    Effect.gen(function* () {
      yield* empty
      const { put } = yield* AgentIndex
      const day = "2026-02-01T23:59:59Z"
      yield* put("shop", { view: agent("one", day) })
      yield* put("shop", { view: agent("two", day, { status: "PRODUCTION" }) })
      yield* put("shop", { view: agent("gone", day, { status: "PRODUCTION", archived: true }) })
      yield* put("shop", { view: agent("later", "2026-02-02T00:00:00Z", { status: "PRODUCTION" }) })
      yield* put("evil", { view: agent("one", day) })
      const until = (end: string) =>
        Effect.map(
          readStatistics("shop", { start: "2026-01-01", end, groupBy: "day" }),
          ({ statistics: { total_agents, production_agents } }) => [total_agents, production_agents],
        )
      expect(yield* until("2026-01-31")).toEqual([0, 0])
      expect(yield* until("2026-02-01")).toEqual([2, 1])
      expect(yield* until("2026-02-02")).toEqual([3, 2])
      yield* put("shop", { view: agent("two", day, { revision: 2, version: 2, status: "STAGING" }) })
      expect(yield* until("2026-02-02")).toEqual([3, 1])
    }),
  )

  it.effect("count what happened although the database takes no row of it", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      yield* sql`ALTER TABLE journal_entries ADD CHECK (command <> 'Do')`
      yield* write(sql, [part(0, [entry(1, "acme", "chat-session", "Opened", "2026-02-01T00:00:00Z")])])
      const found = yield* readStatistics("acme", { start: "2026-02-01", end: "2026-02-01", groupBy: "day" })
      expect(found.statistics.total_sessions).toBe(1)
    }),
  )

  it.effect("add calls of several nodes, and count each user once", () =>
    Effect.gen(function* () {
      const sql = yield* empty
      const [one, other] = [new WaitingCalls(), new WaitingCalls()]
      for (const [waiting, tenant, user] of [
        [one, "acme", "u1"],
        [one, "acme", "u1"],
        [other, "acme", "u1"],
        [other, "acme", "u2"],
        [other, "evil", "u3"],
      ] as const) {
        waiting.add(tenant, "2026-02-01", "api_calls", "")
        waiting.add(tenant, "2026-02-01", "active", user)
      }
      const flush = (waiting: WaitingCalls) => addDaily(sql, waiting.take())
      yield* Effect.all([flush(one), flush(other)], { concurrency: "unbounded" })
      yield* flush(one)
      const range = { start: "2026-02-01", end: "2026-02-01", groupBy: "day" } as const
      expect((yield* readStatistics("acme", range)).statistics).toMatchObject({
        total_api_calls: 4,
        active_users: 2,
      })
      for (const table of ["statistics_daily", "agents"]) {
        const seen = yield* asTenant(
          sql,
          "evil",
          (mine) => mine<{ tenant: string }>`SELECT DISTINCT tenant FROM ${mine(table)}`,
        )
        expect(seen.filter(({ tenant }) => tenant !== "evil")).toEqual([])
      }
      const writing = asTenant(sql, "evil", (mine) => mine`DELETE FROM statistics_daily`)
      expect((yield* Effect.exit(writing))._tag).toBe("Failure")
    }),
  )
})
