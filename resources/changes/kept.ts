/**
 * A bounded cache of what can be loaded again. An entry counts only while nothing was announced since its load began:
 * a load that raced with a change is never kept as fresh. It also ends by time, which heals a lost announcement.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Changes } from "./changes.ts"

export interface KeptLimits {
  /** The entry that was put first makes room. */
  readonly entriesMax: number
  /** From the beginning of the load. */
  readonly keepMs: number
}

interface Entry<V> {
  readonly value: V
  readonly generation: number
  readonly until: number
}

interface Loading {
  readonly generation: number
  readonly exit: Deferred.Deferred<Exit.Exit<unknown, unknown>>
}

/** Plain and synchronous, for the busiest paths. `now` is in milliseconds. */
export class Kept<V> {
  readonly #entries = new Map<string, Entry<V>>()
  readonly #limits: KeptLimits
  /** Loads that run now, by key; owned by `keptOr`, bounded by `entriesMax`. */
  readonly loading = new Map<string, Loading>()

  constructor(limits: KeptLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** Tells a kept `undefined` from nothing. `generation`: the topic's, now. */
  entry(key: string, generation: number, now: number): { readonly value: V } | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.generation === generation && now < entry.until) return entry
    // An entry of a later generation than the caller knows of is the fresher one: it stays.
    if (entry.generation <= generation) this.#entries.delete(key)
    return undefined
  }

  get(key: string, generation: number, now: number): V | undefined {
    return this.entry(key, generation, now)?.value
  }

  /** `generation` and `now` are those of when the load began. */
  put(key: string, value: V, generation: number, now: number): void {
    const { entriesMax, keepMs } = this.#limits
    const before = this.#entries.get(key)
    // A slow load from before a change must not push out what was loaded after it.
    if (before !== undefined && before.generation > generation) return
    this.#entries.delete(key)
    if (this.#entries.size >= entriesMax) {
      const oldest = this.#entries.keys().next().value
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    this.#entries.set(key, { value, generation, until: now + keepMs })
  }

  get roomToLoad(): boolean {
    return this.loading.size < this.#limits.entriesMax
  }
}

const lead = <V, E, R>(
  kept: Kept<V>,
  key: string,
  generation: number,
  load: Effect.Effect<V, E, R>,
): Effect.Effect<V, E, R> =>
  Effect.clockWith((clock) => {
    const began = clock.currentTimeMillisUnsafe()
    const exit = Deferred.makeUnsafe<Exit.Exit<unknown, unknown>>()
    const mine: Loading = { generation, exit }
    if (kept.roomToLoad) kept.loading.set(key, mine)
    return Effect.onExit(load, (ended) =>
      Effect.sync(() => {
        if (kept.loading.get(key) === mine) kept.loading.delete(key)
        if (Exit.isSuccess(ended)) kept.put(key, ended.value, generation, began)
        Deferred.doneUnsafe(exit, Effect.succeed(ended))
      }),
    )
  })

const isInterrupted = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)

/**
 * What is kept under the key, else what `load` gives. Calls for one key at once share one load, unless a change was
 * announced after it began. Gotcha: never inside a transaction, whose uncommitted rows others would be given.
 */
export const keptOr = <V, E, R>(
  kept: Kept<V>,
  key: string,
  topic: string,
  load: Effect.Effect<V, E, R>,
): Effect.Effect<V, E, R | Changes> =>
  Effect.flatMap(Changes, ({ generation }) => keptUnder(kept, key, () => generation(topic), load))

/** `keptOr` for whoever has the count of changes at hand. */
export const keptUnder = <V, E, R>(
  kept: Kept<V>,
  key: string,
  generationNow: () => number,
  load: Effect.Effect<V, E, R>,
): Effect.Effect<V, E, R> =>
  Effect.clockWith((clock) => {
    const generation = generationNow()
    const entry = kept.entry(key, generation, clock.currentTimeMillisUnsafe())
    if (entry !== undefined) return Effect.succeed(entry.value)
    const running = kept.loading.get(key)
    if (running?.generation !== generation) return lead(kept, key, generation, load)
    // Whoever began the load may be gone: then one of those who wait loads.
    return Effect.flatMap(Deferred.await(running.exit), (exit) =>
      isInterrupted(exit) ? keptUnder(kept, key, generationNow, load) : (exit as Exit.Exit<V, E>),
    )
  })
