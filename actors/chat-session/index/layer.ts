/**
 * The index over the tenants' databases. An embedded database takes few writes a second: one transaction of a tenant is on
 * its way at a time, and the next carries all that gathered meanwhile. A database that is away is noticed soon, and costs
 * those who wait a refusal, never room that answers need.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { type Refused, refuse, Tenancy } from "../../../resources/index.ts"
import type { SessionMessage } from "../../../schemas/index.ts"
import { isRefusal } from "../../trace/insert.ts"
import type { SessionHead, SessionRow } from "../index-row.ts"
import { ChatIndex, type ChatIndexService } from "./chat-index.ts"
import { writeRows } from "./write-rows.ts"

export const chatIndexLimits = {
  /** Rows of one transaction, and their messages' characters, one row always. */
  batchRowsMax: 200,
  batchCharactersMax: 2_000_000,
  /** Of a node that wait for a transaction; more are refused. Well below the activities that a node runs. */
  waitingMax: 400,
  /** How long a row waits, and how long a transaction may take. */
  putMs: 4_000,
  writeMs: 15_000,
} as const

type Written = Deferred.Deferred<void, Refused | SqlError>
interface Waiting {
  readonly row: SessionRow
  readonly written: Written
}

const busy = (remedy: string) =>
  refuse("unavailable", "CHT_IDX_001", "The index of sessions cannot take more now.", { remedy })

const charactersOf = ({ messages }: SessionRow): number =>
  messages.reduce((sum, { content }) => sum + content.length, 0)

/** Those that go together, taken out: each session once, the others wait for the next transaction. */
const takeBatch = (waiting: Array<Waiting>): ReadonlyArray<Waiting> => {
  const taken = new Map<string, Waiting>()
  let characters = 0
  let next = 0
  for (; next < waiting.length && taken.size < chatIndexLimits.batchRowsMax; next++) {
    const { row } = waiting[next]!
    characters += charactersOf(row)
    if (taken.has(row.head.session)) break
    if (taken.size > 0 && characters > chatIndexLimits.batchCharactersMax) break
    taken.set(row.head.session, waiting[next]!)
  }
  waiting.splice(0, next)
  return [...taken.values()]
}

const make = Effect.gen(function* () {
  const { within } = yield* Tenancy
  const scope = yield* Effect.scope
  /** By tenant; there while a transaction is on its way. */
  const gathering = new Map<string, Array<Waiting>>()
  let waitingNow = 0

  const write = (tenant: string, rows: ReadonlyArray<SessionRow>) =>
    within(tenant, (sql: SqlClient) => writeRows(sql, tenant, rows)).pipe(
      Effect.timeoutOrElse({
        duration: chatIndexLimits.writeMs,
        orElse: () => Effect.fail(busy("the database takes too long")),
      }),
    )
  /** What the database refuses for what it holds keeps no other one out. */
  const writeBatch = (tenant: string, batch: ReadonlyArray<Waiting>): Effect.Effect<void> =>
    Effect.matchCauseEffect(
      write(
        tenant,
        batch.map(({ row }) => row),
      ),
      {
        onSuccess: () =>
          Effect.forEach(batch, ({ written }) => Deferred.succeed(written, undefined), { discard: true }),
        onFailure: (cause) => {
          const [failure] = cause.reasons.flatMap((reason) => (reason._tag === "Fail" ? [reason.error] : []))
          if (batch.length > 1 && isRefusal(failure))
            return Effect.forEach(batch, (one) => writeBatch(tenant, [one]), { discard: true })
          return Effect.forEach(batch, ({ written }) => Deferred.failCause(written, cause), { discard: true })
        },
      },
    )
  const writeAll = (tenant: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const waiting = gathering.get(tenant) ?? []
      if (waiting.length === 0) {
        gathering.delete(tenant)
        return Effect.void
      }
      return Effect.andThen(writeBatch(tenant, takeBatch(waiting)), writeAll(tenant))
    })
  /** Who begins to write is not kept from it, or nobody would write for the tenant again. */
  const put: ChatIndexService["put"] = (tenant, row) =>
    Effect.uninterruptibleMask((restore) => {
      if (waitingNow >= chatIndexLimits.waitingMax) return Effect.fail(busy("try again later"))
      const one: Waiting = { row, written: Deferred.makeUnsafe() }
      const waiting = gathering.get(tenant)
      waitingNow += 1
      if (waiting === undefined) gathering.set(tenant, [one])
      else waiting.push(one)
      const begin =
        waiting === undefined
          ? Effect.forkIn(Effect.withTracerEnabled(Effect.interruptible(writeAll(tenant)), false), scope)
          : Effect.void
      const written = Deferred.await(one.written).pipe(
        Effect.timeoutOrElse({
          duration: chatIndexLimits.putMs,
          orElse: () => Effect.fail(busy("the database takes too long")),
        }),
        Effect.ensuring(
          Effect.sync(() => {
            waitingNow -= 1
            const left = gathering.get(tenant)
            const place = left?.indexOf(one) ?? -1
            if (place >= 0) left!.splice(place, 1)
          }),
        ),
      )
      return Effect.andThen(begin, restore(written))
    })

  const service: ChatIndexService = {
    put,
    list: (tenant, owner, { page, limit, search, agent }) =>
      within(
        tenant,
        Effect.fnUntraced(function* (sql) {
          const conditions = [
            sql`tenant = ${tenant}`,
            sql`owner = ${owner}`,
            sql`NOT deleted`,
            ...(agent === undefined ? [] : [sql`agent = ${agent}`]),
            ...(search === undefined ? [] : [sql`strpos(search_text, ${search.toLowerCase()}) > 0`]),
          ]
          const [counted] = yield* sql<{ total: number }>`
            SELECT count(*)::int AS total FROM chat_sessions WHERE ${sql.and(conditions)}`
          const rows = yield* sql<{ head: SessionHead }>`
            SELECT head FROM chat_sessions WHERE ${sql.and(conditions)}
            ORDER BY last_activity DESC, id LIMIT ${limit}::int OFFSET ${(page - 1) * limit}::int`
          return { rows: rows.map(({ head }) => head), total: counted?.total ?? 0 }
        }),
      ),
    messages: (tenant, session, from, to) =>
      within(tenant, (sql) =>
        Effect.map(
          sql<{ message: SessionMessage }>`
            SELECT message FROM chat_messages
            WHERE tenant = ${tenant} AND session = ${session}
              AND number BETWEEN ${from}::int AND ${to}::int
            ORDER BY number`,
          (rows) => rows.map(({ message }) => message),
        ),
      ),
  }
  return ChatIndex.of(service)
})

export const chatIndexLayer = Layer.effect(ChatIndex, make)
