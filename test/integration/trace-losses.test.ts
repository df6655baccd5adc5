/** What the trace projection does about rows that the database refuses, and says about journals that were made anew. */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { TraceStore, traceStoreLayer } from "../../actors/index.ts"
import { migrateTraces } from "../../actors/trace/migrations.ts"
import {
  ensurePositions,
  journalSource,
  type Part,
  readPositions,
  traceSource,
  write,
} from "../../actors/trace/positions.ts"
import type { EntryRow, LogRow } from "../../actors/trace/rows.ts"
import { Log } from "../../engine/index.ts"
import { projectionsComponent } from "../../gateway/index.ts"
import { TraceStream } from "../../streams/index.ts"
import { ephemeralDatabase } from "../support/database.ts"
import { makeMemoryEventStream } from "../support/memory-event-stream.ts"
import { forgetProjection } from "../support/trace-deployment.ts"

const log = (key: string, message = ""): LogRow => ({
  log_key: key,
  trace_id: "t",
  tenant: "acme",
  at_ms: 1,
  service: "s",
  agent_id: null,
  level: "INFO",
  message,
  is_transfer: false,
  metadata: null,
})

const entry = (sequence: number, event: string, command: string | null = null): EntryRow => ({
  partition: 0,
  sequence,
  index: 0,
  tenant: "acme",
  kind: "account",
  key: "a",
  actor: "acme/account/a",
  cause: "command",
  command,
  events: [{ _tag: event }],
  principal: null,
  trace_id: "t",
  span_id: `s${sequence}`,
  parent_id: null,
  name: "account.Deposit",
  status: "ok",
  dead_code: null,
  dead_detail: null,
  start_ms: 1,
  end_ms: 1,
})

const part = (source: string, through: number, rows: Partial<Part>): Part => ({
  source,
  after: 0,
  through,
  halted: null,
  gaps: 0,
  entries: [],
  spans: [],
  logs: [],
  ...rows,
})

const journal = journalSource(0)

/** Empty tables that refuse what a test calls bad. */
const tables = Effect.gen(function* () {
  yield* forgetProjection
  const sql = yield* SqlClient
  yield* migrateTraces(sql)
  yield* sql`ALTER TABLE trace_logs ADD CHECK (message <> 'bad')`
  yield* sql`ALTER TABLE journal_entries ADD CHECK (events IS NULL OR events->0->>'_tag' <> 'Bad'),
    ADD CHECK (command <> 'bad')`
  yield* ensurePositions(sql, [journal, traceSource])
  return sql
})

/** The read side over a journal that ends there. */
const progressWith = (last: number) =>
  Effect.flatMap(TraceStore, (store) => Effect.all([store.progress, projectionsComponent(store)])).pipe(
    Effect.provide(
      traceStoreLayer({ partitions: 1 }).pipe(
        Layer.provide(
          Layer.succeed(Log.Journal, {
            last: () => Effect.succeed({ sequence: last, data: new Uint8Array(), storedAt: 0 }),
          } as Partial<Log.Log> as Log.Log),
        ),
        Layer.provide(
          Layer.succeed(
            TraceStream,
            makeMemoryEventStream(() => 0),
          ),
        ),
      ),
    ),
  )

layer(ephemeralDatabase(), { excludeTestServices: true, timeout: "2 minutes" })(
  "what the trace projection loses",
  (it) => {
    it.effect("a log line that is refused stops nothing, and is counted", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        const logs = Array.from({ length: 20 }, (_, index) => log(`k${index}`, index % 7 === 3 ? "bad" : ""))
        yield* write(sql, [
          part(traceSource, 9, { logs }),
          part(journal, 3, { entries: [entry(3, "Deposited")] }),
        ])
        expect(yield* sql`SELECT count(*)::int AS lines FROM trace_logs`).toEqual([{ lines: 17 }])
        expect(yield* sql`SELECT count(*)::int AS entries FROM journal_entries`).toEqual([{ entries: 1 }])
        expect(new Set(yield* readPositions(sql))).toEqual(
          new Set([
            { source: traceSource, position: 9, halted: null, gaps: 0, refused: 3 },
            { source: journal, position: 3, halted: null, gaps: 0, refused: 0 },
          ]),
        )
      }),
    )

    it.effect("a value that is too large for an index is refused like any other", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        const noise = Array.from({ length: 20_000 }, (_, index) => ((index * 7919) ** 2).toString(36)).join(
          "",
        )
        yield* write(sql, [part(traceSource, 2, { logs: [log(noise), log("k")] })])
        expect(yield* sql`SELECT log_key FROM trace_logs`).toEqual([{ log_key: "k" }])
      }),
    )

    it.effect("a journal entry whose events are refused stays, without them and with a note", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        const entries = [entry(1, "Deposited"), entry(2, "Bad"), entry(3, "Deposited", "bad")]
        yield* write(sql, [part(journal, 3, { entries })])
        expect(
          yield* sql`SELECT sequence::int, events, dead_detail FROM journal_entries ORDER BY sequence`,
        ).toEqual([
          { sequence: 1, events: [{ _tag: "Deposited" }], dead_detail: null },
          { sequence: 2, events: null, dead_detail: expect.stringContaining("the events are left out") },
        ])
        const [progress, health] = yield* progressWith(3)
        expect(progress.find(({ source }) => source === journal)).toMatchObject({
          projected: 3,
          behind: false,
          refused: 2,
        })
        expect(health).toMatchObject({ status: "healthy", sources: [{ refused: 2 }, {}] })
      }),
    )

    it.effect("nothing is left out for a database that fails for another reason", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        yield* sql`ALTER TABLE trace_logs RENAME TO elsewhere`
        const failure = yield* Effect.flip(write(sql, [part(traceSource, 1, { logs: [log("k")] })]))
        yield* sql`ALTER TABLE elsewhere RENAME TO trace_logs`
        expect(failure._tag).toBe("SqlError")
        expect(yield* readPositions(sql)).toContainEqual(
          expect.objectContaining({ source: traceSource, position: 0, refused: 0 }),
        )
      }),
    )

    it.effect("gaps add up", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        yield* write(sql, [part(journal, 3, { gaps: 1 }), part(journal, 5, { after: 3, gaps: 2 })])
        yield* write(sql, [part(journal, 6, { after: 5, gaps: 1 })])
        const [progress] = yield* progressWith(6)
        expect(progress.find(({ source }) => source === journal)).toMatchObject({ projected: 6, gaps: 4 })
      }),
    )

    it.effect("a position ahead of its journal is no position that has caught up", () =>
      Effect.gen(function* () {
        const sql = yield* tables
        yield* write(sql, [part(journal, 50, {})])
        const [progress, health] = yield* progressWith(3)
        const halted = expect.stringContaining("ahead of the journal's last sequence 3")
        expect(progress.find(({ source }) => source === journal)).toMatchObject({ behind: true, halted })
        expect(health).toMatchObject({ status: "degraded" })
      }),
    )
  },
)
