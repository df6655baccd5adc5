/** That no stream, and nothing made from one, shows a tenant what another sent. */
import { describe, expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll } from "vitest"
import { migrateTraces } from "../../actors/trace/migrations.ts"
import { ensurePositions, write } from "../../actors/trace/positions.ts"
import { reportedRows } from "../../actors/trace/reported.ts"
import { queryMetrics } from "../../ops/index.ts"
import { asTenant, platformTenant } from "../../resources/index.ts"
import type { MetricQuery } from "../../schemas/index.ts"
import { appendSamples, MetricStream, metricsOfTenant, tenantOfMetric } from "../../streams/index.ts"
import { ephemeralDatabase } from "../support/database.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import { deployment, forgetProjection, traceStore } from "../support/trace-deployment.ts"

let server: TestNatsServer
beforeAll(async () => {
  server = await testNatsServer()
})
afterAll(() => server.stop())

const encoder = new TextEncoder()
const tenants = ["acme", "evil", "acme.x", "a*", ">", "api", "host", platformTenant]

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanOf = (tenant: string, spanId: string) => ({
  traceId,
  spanId,
  name: `secret of ${tenant}`,
  kind: "internal",
  service: "s",
  startMs: 1,
  endMs: 2,
  status: "ok",
  attributes: { "millrace.actor": `${tenant}/agent/a` },
  tenant,
})
const logOf = (tenant: string) => ({
  tenant,
  atMs: 1,
  record: { trace_id: traceId, service_name: "s", level: "INFO", message: `secret of ${tenant}` },
})

layer(ephemeralDatabase(), { excludeTestServices: true, timeout: "2 minutes" })("across tenants", (it) => {
  describe("the metric stream", () => {
    it.effect("hands out a tenant's own samples only, whatever the tenants are called", () =>
      Effect.gen(function* () {
        const { streams } = yield* deployment(server.connection)
        yield* Effect.gen(function* () {
          const stream = yield* MetricStream
          const at = Date.now()
          for (const [index, tenant] of tenants.entries()) {
            const samples = [{ name: "cpu", labels: { of: tenant }, value: index, at }]
            yield* appendSamples(stream, tenant, samples, ["api"])
            // As an earlier version stored them: nobody's.
            yield* stream.append("api.acme", encoder.encode(JSON.stringify({ samples })))
          }
          const range = { from: at - 1_000, to: at + 1_000, where: {}, buckets: 0, rowsMax: 100 }
          const query: MetricQuery = { metric: "cpu", aggregation: "last", groupBy: "of", ...range }
          for (const tenant of tenants) {
            const found = yield* queryMetrics(query, tenant)
            expect(found.rows.map(({ group }) => group)).toEqual([tenant])
            const fetched: Array<string | undefined> = []
            yield* stream.read(metricsOfTenant(tenant), { sequence: 1 }, ({ token }) => {
              fetched.push(tenantOfMetric(token))
            })
            expect(fetched).toEqual([tenant])
          }
        }).pipe(Effect.provideContext(streams))
      }).pipe(Effect.scoped),
    )
  })

  describe("the projection of traces", () => {
    const written = Effect.gen(function* () {
      yield* forgetProjection
      const sql = yield* SqlClient
      yield* migrateTraces(sql)
      yield* ensurePositions(sql, ["trace"])
      const data = encoder.encode(
        JSON.stringify({
          v: 1,
          spans: ["acme", "evil", ""].map((tenant, index) => spanOf(tenant, `00f067aa0ba902b${index}`)),
          logs: ["acme", "evil"].map(logOf),
        }),
      )
      const rows = reportedRows({ token: "x", sequence: 1, storedAt: 1, data, pending: 0 })
      yield* write(sql, [{ source: "trace", after: 0, through: 1, halted: null, gaps: 0, ...rows }])
      const entry = { partition: 0, index: 0, kind: "k", key: "a", cause: "command", name: "n", status: "ok" }
      for (const [sequence, tenant] of ["acme", "evil"].entries())
        yield* sql`INSERT INTO journal_entries SELECT * FROM jsonb_populate_record(NULL::journal_entries,
          ${JSON.stringify({ ...entry, sequence, tenant, actor: `${tenant}/k/a`, span_id: `s${sequence}`, trace_id: traceId, start_ms: 1, end_ms: 2 })}::text::jsonb)`
      return sql
    })

    it.effect(
      "shows each tenant its own rows of every table and view, although the query names no tenant",
      () =>
        Effect.gen(function* () {
          const sql = yield* written
          for (const table of ["spans", "journal_entries", "trace_logs", "trace_spans", "hop_spans"]) {
            const seen = yield* asTenant(
              sql,
              "acme",
              (mine) => mine<{ tenant: string }>`
            SELECT DISTINCT tenant FROM ${mine(table)}`,
            )
            expect([table, ...seen.map(({ tenant }) => tenant)]).toEqual([table, "acme"])
            const changed = asTenant(sql, "acme", (mine) => mine`DELETE FROM ${mine(table)}`)
            expect((yield* Effect.exit(changed))._tag).toBe("Failure")
          }
          const positions = asTenant(sql, "acme", (mine) => mine`SELECT 1 FROM projection_positions`)
          expect((yield* Effect.exit(positions))._tag).toBe("Failure")
        }),
    )

    it.effect("answers a tenant with its own spans and log lines of a trace that two tenants share", () =>
      Effect.gen(function* () {
        yield* written
        const { streams } = yield* deployment(server.connection)
        yield* Effect.gen(function* () {
          const store = yield* traceStore
          for (const [tenant, other] of [
            ["acme", "evil"],
            ["evil", "acme"],
          ] as const) {
            const answers = JSON.stringify([
              yield* store.tree(traceId, tenant),
              yield* store.logsOf(traceId, tenant),
              yield* store.search({ tenant }),
            ])
            expect(answers).toContain(`secret of ${tenant}`)
            expect(answers).not.toContain(other)
          }
          expect((yield* store.search({})).length).toBe(5)
        }).pipe(Effect.provideContext(streams))
      }).pipe(Effect.scoped),
    )
  })
})
