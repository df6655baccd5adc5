/** The trace projection on a real server and database: what was journaled and reported is there, once, and connected. */
import { expect, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { afterAll, beforeAll } from "vitest"
import { traceMigrations } from "../../actors/trace/migrations.ts"
import { ensurePositions, readPositions, write } from "../../actors/trace/positions.ts"
import { prune, vacuum } from "../../actors/trace/prune.ts"
import { Address, type EngineShape, Log } from "../../engine/index.ts"
import { migrate, migrateBack, Tracing } from "../../resources/index.ts"
import type { SpanNode } from "../../schemas/index.ts"
import { AccountProtocol } from "../support/account.ts"
import { ephemeralDatabase } from "../support/database.ts"
import { type TestNatsServer, testNatsServer } from "../support/nats.ts"
import {
  accountNode,
  deployment,
  forgetProjection,
  journaled,
  partitions,
  projected,
  startProjector,
  traceStore,
} from "../support/trace-deployment.ts"

const tenant = "acme"
let server: TestNatsServer
beforeAll(async () => {
  server = await testNatsServer()
})
afterAll(() => server.stop())

const deposit = (engine: EngineShape, account: string, amount: number) =>
  engine.ask(AccountProtocol, account, { _tag: "Deposit", amount }, { tenant })

const transfer = (engine: EngineShape, from: string, to: string, id: string) =>
  engine.ask(
    AccountProtocol,
    from,
    { _tag: "Transfer", amount: 1, to, transfer: id },
    { tenant, principal: "kim" },
  )

/** The journals have what the commands caused: the receivers' entries come after the senders' answers. */
const untilJournaled = (count: number) =>
  journaled.pipe(
    Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: (all) => all.length >= count }),
  )

const names = (nodes: ReadonlyArray<SpanNode>): ReadonlyArray<unknown> =>
  nodes.map(({ name, children }) => (children.length === 0 ? name : [name, names(children)]))

/** A test with streams of its own, a node and an empty database. */
const withNode = <A, E, R>(work: (engine: EngineShape) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* forgetProjection
    const { streams } = yield* deployment(server.connection)
    return yield* Effect.gen(function* () {
      return yield* work(yield* accountNode("node-1"))
    }).pipe(Effect.provideContext(streams))
  }).pipe(Effect.scoped)

layer(ephemeralDatabase(), { excludeTestServices: true, timeout: "2 minutes" })(
  "the trace projection",
  (it) => {
    it.effect(
      "holds exactly the journaled entries, and joins sender and receiver in the caller's trace",
      () =>
        withNode((engine) =>
          Effect.gen(function* () {
            const store = yield* traceStore
            yield* startProjector("node-1")
            const tracing = yield* Layer.build(Tracing.layer({ service: "gateway" }))
            const traceId = yield* Effect.gen(function* () {
              yield* Effect.annotateCurrentSpan("millrace.tenant", tenant)
              yield* deposit(engine, "a", 10)
              yield* transfer(engine, "a", "b", "t1")
              yield* Effect.flip(engine.ask(AccountProtocol, "c", { _tag: "Crash" }, { tenant }))
              yield* Effect.flip(transfer(engine, "c", "a", "t2"))
              return (yield* Effect.currentSpan).traceId
            }).pipe(Effect.withSpan("POST /transfers", { kind: "server" }), Effect.provideContext(tracing))
            yield* Context.get(tracing, Tracing).flush
            const all = yield* untilJournaled(5)
            expect(yield* store.waitUntil(yield* store.heads, 20_000)).toBe(true)
            expect(yield* projected).toEqual(all)

            const tree = yield* store.tree(traceId, tenant).pipe(
              Effect.repeat({
                schedule: Schedule.spaced("5 millis"),
                until: (found) => found?.spanCount === 6,
              }),
              Effect.timeout("20 seconds"),
            )
            expect(names(tree!.roots)).toEqual([
              [
                "POST /transfers",
                [
                  "account.Deposit",
                  ["account.Transfer", ["account.Receive"]],
                  "account.Crash",
                  "account.Transfer",
                ],
              ],
            ])
            expect(tree!.roots[0]!.children.map(({ status }) => status)).toEqual([
              "ok",
              "ok",
              "dead",
              "rejected",
            ])
            expect(yield* store.tree(traceId, "other")).toBeUndefined()

            const logs = yield* store.logsOf(traceId, tenant)
            expect(logs.total_logs).toBe(6)
            expect(logs.logs.filter(({ level }) => level === "ERROR").map(({ service }) => service)).toEqual([
              "account",
            ])
            const found = yield* store.search({ tenant, actor: "acme/account/a", status: "ok", user: "kim" })
            expect(found.map(({ name }) => name)).toEqual(["account.Transfer"])
            expect(yield* store.search({ tenant: "other" })).toEqual([])
            expect((yield* store.search({ actor: "acme/account/", limit: 2 })).length).toBe(2)
            expect((yield* store.progress).every(({ behind }) => !behind)).toBe(true)
          }),
        ),
    )

    it.effect("keeps a reported log line, masked, and marks an agent's transfer", () =>
      withNode(() =>
        Effect.gen(function* () {
          const store = yield* traceStore
          yield* startProjector("node-1")
          const trace_id = "trace-uuid-789"
          const line = { trace_id, service_name: "agent-service", agent_id: 1, level: "INFO" } as const
          const first = yield* store.appendLog({ ...line, message: "key ak_live_abc123" }, tenant)
          yield* store.appendLog({ ...line, message: "[Agent Transfer] agent-1 → agent-2" }, tenant)
          expect(first.log_id).toBeGreaterThan(0)
          const answer = yield* store.logsOf(trace_id, tenant).pipe(
            Effect.repeat({
              schedule: Schedule.spaced("5 millis"),
              until: ({ total_logs }) => total_logs === 2,
            }),
            Effect.timeout("20 seconds"),
          )
          const kept = { timestamp: expect.any(String), service: "agent-service", agent_id: 1, level: "INFO" }
          expect(answer).toEqual({
            trace_id,
            logs: [
              { ...kept, message: "key [secret]" },
              { ...kept, message: "[Agent Transfer] agent-1 → agent-2", is_transfer: true },
            ],
            total_logs: 2,
          })
          expect((yield* store.logsOf(trace_id, "other")).logs).toEqual([])
        }),
      ),
    )

    it.effect("loses and doubles nothing when its projector is stopped midway, again and again", () =>
      withNode((engine) =>
        Effect.gen(function* () {
          const store = yield* traceStore
          yield* Effect.forEach(["a", "b", "c"], (account) => deposit(engine, account, 1_000))
          const commands = yield* Effect.forkChild(
            Effect.forEach(
              Array.from({ length: 400 }, (_, index) => index),
              (index) => transfer(engine, "abc"[index % 3]!, "abc"[(index + 1) % 3]!, `t${index}`),
              { concurrency: 16, discard: true },
            ),
          )
          for (const wanted of [1, 60, 150, 300, 500]) {
            const projector = yield* startProjector(`node-${wanted}`, { batchRowsMax: 20, partRowsMax: 10 })
            yield* projected.pipe(
              Effect.repeat({
                schedule: Schedule.spaced("1 millis"),
                until: (rows) => rows.length >= wanted,
              }),
            )
            yield* projector.stop
          }
          yield* Fiber.join(commands)
          const all = yield* untilJournaled(803)
          yield* startProjector("last")
          expect(yield* store.waitUntil(yield* store.heads, 20_000)).toBe(true)
          expect(yield* projected).toEqual(all)
        }),
      ),
    )

    it.effect("writes everything once when two projectors work at the same time", () =>
      withNode((engine) =>
        Effect.gen(function* () {
          const store = yield* traceStore
          const sql = yield* SqlClient
          yield* deposit(engine, "a", 10_000)
          // A lease that is always over: both work, and only the fence is between them.
          const limits = { leaseMs: 0.001, batchRowsMax: 10, partRowsMax: 5 }
          yield* startProjector("left", limits)
          yield* startProjector("right", limits)
          yield* Effect.forEach(
            Array.from({ length: 300 }, (_, index) => index),
            (index) => transfer(engine, "a", `to-${index % 7}`, `t${index}`),
            { concurrency: 16, discard: true },
          )
          const all = yield* untilJournaled(601)
          expect(yield* store.waitUntil(yield* store.heads, 20_000)).toBe(true)
          expect(yield* projected).toEqual(all)
          const [moved] = yield* sql<{
            sources: bigint
          }>`SELECT count(*) AS sources FROM projection_positions`
          expect(moved?.sources).toBe(9n)
        }),
      ),
    )

    it.effect("does not trace itself, which would never end", () =>
      withNode((engine) =>
        Effect.gen(function* () {
          const tracing = yield* Layer.build(Tracing.layer({ service: "node" }))
          const store = yield* traceStore
          yield* Effect.provideContext(startProjector("node-1"), tracing)
          yield* deposit(engine, "a", 1)
          const waiting = store.waitUntil(yield* store.heads, 20_000)
          expect(yield* Effect.provideContext(waiting, tracing)).toBe(true)
          expect(Context.get(tracing, Tracing).figures().recorded).toBe(0)
        }),
      ),
    )

    it.effect("lets one node work and another take over when that one stops", () =>
      withNode((engine) =>
        Effect.gen(function* () {
          const store = yield* traceStore
          const sql = yield* SqlClient
          const holder = sql<{ holder: string }>`SELECT holder FROM projection_leases`.pipe(
            Effect.map((rows) => rows[0]?.holder),
          )
          const heldBy = (node: string) =>
            holder.pipe(
              Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: (found) => found === node }),
              Effect.timeout("20 seconds"),
            )
          const first = yield* startProjector("first")
          yield* heldBy("first")
          yield* startProjector("second")
          yield* deposit(engine, "a", 1)
          expect(yield* store.waitUntil(yield* store.heads, 20_000)).toBe(true)
          expect(yield* holder).toBe("first")
          yield* first.stop
          yield* heldBy("second")
          yield* deposit(engine, "a", 1)
          expect(yield* store.waitUntil(yield* store.heads, 20_000)).toBe(true)
          expect(yield* projected).toEqual(yield* journaled)
        }),
      ),
    )

    it.effect("stops at a record that it cannot read, says so, and goes on with the other partitions", () =>
      withNode((engine) =>
        Effect.gen(function* () {
          const store = yield* traceStore
          yield* deposit(engine, "a", 1)
          const broken = Address.partitionOf("acme/account/a", partitions)
          const other = ["b", "c", "d", "e"].find(
            (key) => Address.partitionOf(`acme/account/${key}`, partitions) !== broken,
          )!
          const journal = yield* Log.Journal
          const data = new TextEncoder().encode("damaged")
          const sequence = yield* journal.append(broken, data, { id: "damaged" })
          yield* deposit(engine, other, 1)
          yield* startProjector("node-1")
          const progress = yield* store.progress.pipe(
            Effect.repeat({
              schedule: Schedule.spaced("5 millis"),
              until: (sources) =>
                sources.some(({ halted }) => halted !== undefined) &&
                sources.filter(({ behind }) => behind).length === 1,
            }),
            Effect.timeout("20 seconds"),
          )
          expect(progress.find(({ behind }) => behind)).toMatchObject({
            source: `journal/${broken}`,
            halted: expect.stringContaining(`journal sequence ${sequence}`),
          })
          const rows = yield* store.search({ actor: `acme/account/${other}` })
          expect(rows.map(({ name }) => name)).toEqual(["account.Deposit"])
        }),
      ),
    )

    it.effect("writes nothing for whoever read a position that has moved since", () =>
      Effect.gen(function* () {
        yield* forgetProjection
        const sql = yield* SqlClient
        yield* migrate(sql, traceMigrations)
        yield* ensurePositions(sql, ["trace"])
        const part = (through: number) => {
          const log = { log_key: `k${through}`, trace_id: "t", tenant: "acme", at_ms: 1, service: "s" }
          const line = { agent_id: null, level: "INFO", message: "", is_transfer: false, metadata: null }
          const logs = [{ ...log, ...line }]
          return { source: "trace", after: 0, through, halted: null, gaps: 0, entries: [], spans: [], logs }
        }
        yield* write(sql, [part(5)])
        expect((yield* Effect.flip(write(sql, [part(7)])))._tag).toBe("Fenced")
        expect(yield* readPositions(sql)).toMatchObject([{ source: "trace", position: 5 }])
        expect(yield* sql`SELECT log_key FROM trace_logs`).toEqual([{ log_key: "k5" }])
      }),
    )

    it.effect("forgets what is too old and what is too much, oldest first", () =>
      Effect.gen(function* () {
        yield* forgetProjection
        const sql = yield* SqlClient
        yield* migrate(sql, traceMigrations)
        yield* sql`INSERT INTO trace_logs
        SELECT 'key' || at, 't', 'acme', at, 's', NULL, 'INFO', '', false, NULL FROM generate_series(1, 100) AS at`
        const limits = { retentionMs: 30, rowsMax: 50, pruneSlice: 7 }
        const left = Effect.map(
          sql<{
            first: number
            rows: number
          }>`SELECT min(at_ms) AS first, count(*)::int AS rows FROM trace_logs`,
          (rows) => rows[0],
        )
        expect(yield* prune(sql, 40, limits)).toBe(50)
        expect(yield* left).toEqual({ first: 51, rows: 50 })
        expect(yield* prune(sql, 110, limits)).toBe(29)
        expect(yield* left).toEqual({ first: 80, rows: 21 })
        yield* vacuum(sql)
        expect(yield* migrateBack(sql, traceMigrations)).toHaveLength(traceMigrations.length)
        yield* migrate(sql, traceMigrations)
      }),
    )
  },
)
