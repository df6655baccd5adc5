/**
 * The database as one resource: an effect `SqlClient` (and `PgClient`) that is the same whether Postgres
 * runs embedded in a child process or somewhere else. Which one it is, configuration decides here only.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { inMemory } from "./embedded-child.ts"
import { startEmbeddedServer } from "./embedded-server.ts"
import { type DatabaseError, DatabaseUnavailable } from "./errors.ts"
import { defaultSessionLimits, poolConnections, type SessionLimits } from "./limits.ts"
import { failLostTransactions } from "./lost-transaction.ts"
import { enableVector } from "./vector.ts"

export type DatabaseMode = "embedded" | "postgres"

export interface DatabaseConfig {
  /** A Postgres to use; without it one is embedded. */
  readonly url?: Redacted.Redacted | undefined
  /** Where the embedded database keeps its data. Default: `.millrace/pg`. */
  readonly dataDirectory?: string | undefined
  /** Connections of the pool. Default: 8 embedded, 10 else. */
  readonly maxConnections?: number | undefined
  /** Bounds of the embedded database. */
  readonly limits?: Partial<SessionLimits> | undefined
}

export interface DatabaseHealth {
  readonly status: "up" | "down"
  readonly mode: DatabaseMode
  readonly version: string
  readonly latencyMs: number
}

export const defaultDataDirectory = ".millrace/pg"

/** Largest message taken from the server: one row with all its columns. */
const rowBytesMax = 64 * 1024 * 1024

/** A server that has not answered by then is reported as down. */
const healthMs = 5_000

/** The database: what it is, and whether it answers. SQL goes through `SqlClient`, which the layers provide too. */
export class Database extends Context.Service<
  Database,
  {
    readonly mode: DatabaseMode
    /** The server's version, as it was when the layer was built. */
    readonly version: string
    /** Whether `vector` columns can be used. */
    readonly hasVector: boolean
    /** Asks the server a trivial question; never fails. */
    readonly health: Effect.Effect<DatabaseHealth>
  }
>()("millrace/Database") {
  /**
   * Opens the database that the configuration names.
   *
   * Errors: `DatabaseLocked` when a live process holds the data directory, `DatabaseUnavailable` else.
   * Gotcha: the embedded one survives `kill -9` of any process, not a power cut: it does not fsync. It runs
   * one transaction at a time, and one that waits for a statement outside itself is ended after 30 s.
   */
  static layer(config: DatabaseConfig = {}): Layer.Layer<DatabaseServices, DatabaseError> {
    return Layer.effectContext(open(config)).pipe(Layer.provide(Reactivity.layer))
  }

  /** As `layer`, from `DATABASE_URL` and `DATABASE_DIRECTORY`; an empty one counts as not set. */
  static readonly layerConfig: Layer.Layer<DatabaseServices, DatabaseError | Config.ConfigError> =
    Layer.unwrap(
      Effect.gen(function* () {
        const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
        const dataDirectory = yield* Config.option(Config.String("DATABASE_DIRECTORY"))
        return Database.layer({
          url: Option.getOrUndefined(url),
          dataDirectory: Option.getOrUndefined(dataDirectory),
        })
      }),
    )

  /** An embedded database that keeps nothing; it takes a few seconds to make. */
  static readonly layerMemory: Layer.Layer<DatabaseServices, DatabaseError> = Layer.suspend(() =>
    Database.layer({ dataDirectory: inMemory }),
  )
}

export type DatabaseServices = Database | PgClient.PgClient | SqlClient

const unavailable = (error: SqlError) => new DatabaseUnavailable({ reason: error.message, cause: error })

/** What the two modes share: how values look on the way in and out. */
const connect = (config: DatabaseConfig, types: PgTypes.Registry) =>
  Effect.gen(function* () {
    const shared = { types, maxMessageSize: rowBytesMax, applicationName: "millrace" }
    if (config.url !== undefined) {
      const maxConnections = config.maxConnections ?? poolConnections.postgres
      return yield* PgClient.make({ ...shared, url: config.url, maxConnections })
    }
    const limits = { ...defaultSessionLimits, ...config.limits }
    const server = yield* startEmbeddedServer(config.dataDirectory ?? defaultDataDirectory, limits)
    return yield* PgClient.make({
      ...shared,
      stream: server.connect,
      username: "postgres",
      database: "postgres",
      maxConnections: config.maxConnections ?? poolConnections.embedded,
    })
  })

const open = Effect.fn("Database.open")(function* (
  config: DatabaseConfig,
): Effect.fn.Return<Context.Context<DatabaseServices>, DatabaseError, Scope.Scope | Reactivity.Reactivity> {
  const types = PgTypes.makeRegistry()
  const client = yield* connect(config, types).pipe(
    Effect.map(failLostTransactions),
    Effect.catchTag("SqlError", unavailable),
  )
  const mode: DatabaseMode = config.url === undefined ? "embedded" : "postgres"
  const askVersion = client<{ server_version: string }>`SHOW server_version`.pipe(
    Effect.map((rows) => rows[0]?.server_version ?? ""),
  )
  const [version, hasVector] = yield* Effect.all([askVersion, enableVector(client, types)]).pipe(
    Effect.mapError(unavailable),
  )
  const health: Effect.Effect<DatabaseHealth> = askVersion.pipe(
    Effect.timeout(healthMs),
    Effect.match({ onFailure: () => undefined, onSuccess: (answered) => answered }),
    Effect.timed,
    Effect.map(([duration, answered]) => ({
      status: answered === undefined ? ("down" as const) : ("up" as const),
      mode,
      version: answered ?? version,
      latencyMs: Duration.toMillis(duration),
    })),
    Effect.withSpan("Database.health"),
  )
  return Context.make(Database, Database.of({ mode, version, hasVector, health })).pipe(
    Context.add(PgClient.PgClient, client),
    Context.add(SqlClient, client),
  )
})
