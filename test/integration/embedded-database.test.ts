/** The embedded database's process: killed, left behind, locked, stopped and started again. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../resources/index.ts"
import { isLive, type LockHolder, lockPath, readLock } from "../../resources/sql/directory-lock.ts"
import { temporaryDataDirectory } from "../support/database.ts"

const writers = 4
/** Acknowledged rows before the kill, and after it. */
const rowsAround = 200

/** Waits until the process is gone; one that nobody reaped counts as gone. */
const gone = (holder: LockHolder) =>
  Effect.sync(() => isLive(holder)).pipe(
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), while: (alive) => alive }),
  )

const databasePid = (dataDirectory: string): number => readLock(dataDirectory)!.pid

const withDatabase = <A, E>(dataDirectory: string, work: Effect.Effect<A, E, SqlClient | Database>) =>
  Effect.provide(work, Database.layer({ dataDirectory }))

const countOf = (table: string) =>
  Effect.flatMap(SqlClient, (sql) => sql<{ rows: bigint }>`SELECT count(*) AS rows FROM ${sql(table)}`).pipe(
    Effect.map((found) => found[0]!.rows),
  )

/** Another Millrace process with this database open. */
const holder = (dataDirectory: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const program = fileURLToPath(new URL("../support/database-holder.ts", import.meta.url))
      const child = spawn(process.execPath, [program, dataDirectory], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL")),
  )

describe("the embedded database", () => {
  it.live("loses no acknowledged row when its process is killed under writes, and takes writes again", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      yield* withDatabase(
        dataDirectory,
        Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* sql`CREATE TABLE written (id int PRIMARY KEY)`
          const acknowledged = new Set<number>()
          let next = 0
          let failed = 0
          const victim = databasePid(dataDirectory)
          let killed = false
          const write = Effect.gen(function* () {
            const id = next++
            const outcome = yield* Effect.result(sql`INSERT INTO written VALUES (${id})`)
            if (outcome._tag === "Success") acknowledged.add(id)
            else failed++
            if (acknowledged.size < rowsAround || killed) return
            killed = process.kill(victim, "SIGKILL")
          })
          const enough = () => failed > 0 && acknowledged.size >= 2 * rowsAround
          const writer = Effect.repeat(write, { until: enough })
          yield* Effect.all(
            Array.from({ length: writers }, () => writer),
            { concurrency: writers },
          )
          const rows = yield* sql<{ id: number }>`SELECT id FROM written`
          const found = new Set(rows.map(({ id }) => id))
          expect(Array.from(acknowledged).filter((id) => !found.has(id))).toEqual([])
          expect(databasePid(dataDirectory)).not.toBe(victim)
        }),
      )
    }).pipe(Effect.scoped),
  )

  it.live("fails the transaction that its process died in", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      yield* withDatabase(
        dataDirectory,
        Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* sql`CREATE TABLE half (id int)`
          const transaction = Effect.gen(function* () {
            yield* sql`INSERT INTO half VALUES (1)`
            process.kill(databasePid(dataDirectory), "SIGKILL")
            yield* sql`INSERT INTO half VALUES (2)`
          })
          const failure = yield* Effect.flip(sql.withTransaction(transaction))
          expect(failure.reason._tag).toBe("ConnectionError")
          expect(yield* countOf("half")).toBe(0n)
        }),
      )
    }).pipe(Effect.scoped),
  )

  it.live("leaves with a parent that was killed, so that the next start finds the data and no lock", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      const parent = yield* holder(dataDirectory)
      const orphan = readLock(dataDirectory)!
      expect(orphan.pid).not.toBe(parent.pid)
      parent.kill("SIGKILL")
      yield* Effect.promise(() => once(parent, "exit"))
      expect(yield* withDatabase(dataDirectory, countOf("held"))).toBe(1n)
      yield* gone(orphan)
    }).pipe(Effect.scoped),
  )

  it.live("refuses a directory that a live process holds, and names that process", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      yield* holder(dataDirectory)
      const refused = yield* Effect.flip(withDatabase(dataDirectory, Effect.void))
      const pid = databasePid(dataDirectory)
      expect(refused).toMatchObject({ code: "database-locked", pid, directory: dataDirectory })
      expect(refused.message).toContain(String(pid))
    }).pipe(Effect.scoped),
  )

  it.live("takes over the lock of a process that is gone, even when its id was given away again", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      // This process is alive, and did not start at the beginning of time.
      const text = JSON.stringify({ pid: process.pid, startedAt: "0", parentPid: process.ppid })
      writeFileSync(lockPath(dataDirectory), text)
      if (process.platform !== "linux") {
        const gone = spawn(process.execPath, ["--version"])
        yield* Effect.promise(() => once(gone, "exit"))
        writeFileSync(lockPath(dataDirectory), JSON.stringify({ pid: gone.pid, startedAt: "", parentPid: 1 }))
      }
      yield* withDatabase(
        dataDirectory,
        Effect.sync(() => expect(readFileSync(lockPath(dataDirectory), "utf8")).not.toBe(text)),
      )
      expect(readLock(dataDirectory)).toBeUndefined()
    }).pipe(Effect.scoped),
  )

  it.live("ignores the terminal's Ctrl-C and leaves on its parent's order", () =>
    Effect.gen(function* () {
      const dataDirectory = yield* temporaryDataDirectory
      const holder = yield* withDatabase(
        dataDirectory,
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const before = readLock(dataDirectory)!
          process.kill(before.pid, "SIGINT")
          yield* sql`CREATE TABLE interrupted (id int)`
          expect(yield* countOf("interrupted")).toBe(0n)
          expect(readLock(dataDirectory)).toEqual(before)
          return before
        }),
      )
      expect(isLive(holder)).toBe(false)
      expect(readLock(dataDirectory)).toBeUndefined()
      expect(yield* withDatabase(dataDirectory, countOf("interrupted"))).toBe(0n)
    }).pipe(Effect.scoped),
  )
})
