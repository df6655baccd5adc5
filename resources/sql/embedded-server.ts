/**
 * Keeps the process with the embedded database running while the scope is open: connects the multiplexer
 * to it and starts it again, with bounded back-off, when it dies. Connections of a process that died are
 * ended, so that clients learn of lost transactions; a new connection's statements wait for the next one.
 */
import type { Duplex } from "node:stream"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type EmbeddedChild, inMemory, startChild } from "./embedded-child.ts"
import type { DatabaseError } from "./errors.ts"
import { assertSessionLimits, processLimits, type SessionLimits } from "./limits.ts"
import { SessionMultiplexer } from "./session-multiplexer.ts"

export interface EmbeddedServer {
  readonly version: string
  /** A new connection that speaks the Postgres wire protocol. */
  readonly connect: () => Duplex
}

/** Holds the process there is now, or the wait for the next one; a wait that is given up rejects. */
class CurrentChild {
  #next = Promise.withResolvers<EmbeddedChild>()
  #hasArrived = false

  constructor() {
    this.#ignoreUnheard()
  }

  get child(): Promise<EmbeddedChild> {
    return this.#next.promise
  }

  arrived(child: EmbeddedChild): void {
    this.#next.resolve(child)
    this.#hasArrived = true
  }

  /** Waits for the next one begin here; those that wait already go on waiting. */
  gone(): void {
    if (!this.#hasArrived) return
    this.#hasArrived = false
    this.#next = Promise.withResolvers<EmbeddedChild>()
    this.#ignoreUnheard()
  }

  givenUp(reason: string): void {
    this.#next.reject(new Error(`the embedded database is given up: ${reason}`))
  }

  /** Nobody may be waiting when it is given up. */
  #ignoreUnheard(): void {
    this.#next.promise.catch(() => {})
  }
}

interface Life {
  readonly reason: string
  readonly stable: boolean
}

interface Watch {
  readonly onStarted: (child: EmbeddedChild) => void
  readonly onGone: () => void
}

/** From the start of one process to its end. */
const oneLife = (dataDirectory: string, watch: Watch) =>
  Effect.gen(function* () {
    const child = yield* startChild(dataDirectory, watch.onGone)
    const startedAt = performance.now()
    watch.onStarted(child)
    const reason = yield* Effect.promise(() => child.exited)
    return { reason, stable: performance.now() - startedAt > processLimits.stableMs } satisfies Life
  }).pipe(Effect.scoped)

const restartDelayMs = (failures: number) =>
  Math.min(processLimits.restartDelayMs * 2 ** (failures - 1), processLimits.restartDelayMaxMs)

/** One process after another, until starting has failed too often in a row. */
const keepRunning = Effect.fnUntraced(function* (
  dataDirectory: string,
  current: CurrentChild,
  first: Deferred.Deferred<EmbeddedChild, DatabaseError>,
  endConnections: () => void,
) {
  const restartsMax = dataDirectory === inMemory ? 0 : processLimits.restartsMax
  const watch: Watch = {
    onStarted: (child) => {
      current.arrived(child)
      Deferred.doneUnsafe(first, Effect.succeed(child))
    },
    onGone: () => {
      current.gone()
      endConnections()
    },
  }
  for (let failures = 0; ; ) {
    const life = yield* Effect.result(oneLife(dataDirectory, watch))
    if (life._tag === "Failure" && (yield* Deferred.fail(first, life.failure))) return
    const reason = life._tag === "Success" ? life.success.reason : life.failure.message
    failures = life._tag === "Success" && life.success.stable ? 1 : failures + 1
    if (failures > restartsMax) {
      current.givenUp(reason)
      return yield* Effect.logError("The embedded database is given up", reason)
    }
    yield* Effect.logWarning("The embedded database ended; starting it again", reason)
    yield* Effect.sleep(restartDelayMs(failures))
  }
})

/**
 * Opens the embedded database and keeps it open while the scope is.
 *
 * Errors: `DatabaseLocked` when another live process holds the directory, `DatabaseUnavailable` when it
 * does not open. Gotcha: what was only in memory is not started again.
 */
export const startEmbeddedServer = Effect.fn("EmbeddedServer.start")(function* (
  dataDirectory: string,
  limits: SessionLimits,
): Effect.fn.Return<EmbeddedServer, DatabaseError, Scope.Scope> {
  assertSessionLimits(limits)
  const current = new CurrentChild()
  const first = yield* Deferred.make<EmbeddedChild, DatabaseError>()
  let version = ""
  const multiplexer = new SessionMultiplexer(
    {
      execute: async (messages) => (await current.child).execute(messages),
      serverVersion: () => version,
    },
    limits,
  )
  const endConnections = () => multiplexer.endAll("the embedded database went away")
  yield* Effect.forkScoped(keepRunning(dataDirectory, current, first, endConnections))
  const child = yield* Deferred.await(first)
  version = child.version
  return { version, connect: () => multiplexer.connect() }
})
