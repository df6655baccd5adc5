/** A deployment in memory under virtual time for tests: nodes that start, drain and die over stores that stay. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type {
  AnyKind,
  EngineError,
  EngineShape,
  Implementation,
  NodeOptions,
  Rejected,
} from "../../engine/index.ts"
import { Address, JournalRecord } from "../../engine/index.ts"
import { calm, FaultyNode } from "../../engine/testkit/faults.ts"
import { makeStores, type Stores, startNode } from "../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../engine/testkit/virtual-time.ts"

export interface TestNode {
  readonly name: string
  readonly engine: EngineShape
  readonly faults: FaultyNode
  /** Ends it as kill -9 would. */
  readonly crash: Effect.Effect<void>
  /** Hands everything over, then ends it. */
  readonly leave: Effect.Effect<void>
}

export interface StartOptions extends Partial<NodeOptions> {
  /** False: do not wait until the partitions are served. */
  readonly ready?: boolean
}

export class Deployment {
  readonly time: VirtualTime
  readonly stores: Stores
  readonly partitions: number
  private readonly defaults: Partial<NodeOptions>
  private started = 0

  constructor(options: DeploymentOptions) {
    this.time = new VirtualTime(options.seed ?? "test")
    this.stores = makeStores({
      now: () => this.time.now,
      ...(options.mailboxMax === undefined ? {} : { mailboxMax: options.mailboxMax }),
    })
    this.partitions = options.partitions ?? 2
    this.defaults = options.node ?? {}
  }

  /** Starts a node and waits until all partitions are served by somebody, or are halted. */
  readonly start = Effect.fnUntraced(function* (
    this: Deployment,
    implementations: ReadonlyArray<Implementation>,
    options: StartOptions = {},
  ): Effect.fn.Return<TestNode> {
    const { ready, ...node } = options
    const name = `n${++this.started}`
    const faults = new FaultyNode(this.time, () => calm)
    const scope = yield* Scope.make()
    const clock = this.time.clock({ offset: () => faults.clockOffset, gate: faults.gate })
    const engine = yield* startNode(
      this.stores,
      { partitions: this.partitions, incarnation: name, implementations, ...this.defaults, ...node },
      faults,
    ).pipe(Effect.provideService(Scope.Scope, scope), Effect.provideService(Clock.Clock, clock))
    const crash = Effect.suspend(() => {
      faults.crash()
      return Scope.close(scope, Exit.void)
    })
    const started: TestNode = {
      name,
      engine,
      faults,
      crash,
      leave: engine.drain.pipe(Effect.andThen(Scope.close(scope, Exit.void))),
    }
    if (ready !== false) yield* served(engine)
    return started
  })

  partitionOf(tenant: string, kind: string, key: string): number {
    return Address.partitionOf(Address.format({ tenant, kind, key }), this.partitions)
  }

  /** A key of this kind that lives in a partition; `nth` tells several apart. */
  keyIn(partition: number, kind: string, nth = 0): string {
    for (let index = 0, found = 0; ; index++) {
      if (this.partitionOf(tenant, kind, `k${index}`) === partition && found++ === nth) return `k${index}`
    }
  }

  /** All journal entries, in order within each partition. */
  entries(): ReadonlyArray<JournalRecord.Entry> {
    return Array.from({ length: this.partitions }, (_, partition) => partition).flatMap((partition) =>
      this.stores.journal.messages(partition).flatMap(({ data }) => {
        const record = JournalRecord.decode(data)
        if ("corrupt" in record) throw new Error(record.corrupt)
        return record.entries
      }),
    )
  }

  deadLetters(): ReadonlyArray<DeadLetter> {
    return Array.from({ length: this.partitions }, (_, partition) => partition).flatMap((partition) =>
      this.stores.deadLetters
        .messages(partition)
        .map(({ data }) => JSON.parse(new TextDecoder().decode(data)) as DeadLetter),
    )
  }
}

export interface DeadLetter {
  readonly id: string
  readonly partition: number
  readonly sequence: number
  readonly entry: JournalRecord.Entry
}

export interface DeploymentOptions {
  readonly seed?: string
  readonly partitions?: number
  readonly mailboxMax?: number
  /** What every node starts with. */
  readonly node?: Partial<NodeOptions>
}

export const tenant = "t"

const until = Effect.fnUntraced(function* (holds: () => Effect.Effect<boolean>) {
  for (let tries = 0; tries < 2_000; tries++) {
    if (yield* holds()) return
    yield* Effect.sleep(50)
  }
  return yield* Effect.die(new Error(`does not hold within 100 s: ${holds}`))
})

/** Waits, in virtual time, until something holds. */
export const eventually = (holds: () => boolean): Effect.Effect<void> => until(() => Effect.sync(holds))

const served = (engine: EngineShape): Effect.Effect<void> =>
  until(() =>
    Effect.map(engine.status, ({ partitions, node }) =>
      partitions.every(
        (state) =>
          state._tag === "Live" ||
          state._tag === "Halted" ||
          (state._tag === "Elsewhere" && state.node !== undefined && state.node !== node),
      ),
    ),
  )

/** A test body over a fresh deployment, run to its end in virtual time. */
export const deployed =
  (
    body: (deployment: Deployment) => Effect.Effect<unknown, unknown, Scope.Scope>,
    options: DeploymentOptions = {},
  ): (() => void) =>
  () => {
    const deployment = new Deployment(options)
    const defects: Array<string> = []
    const exit = deployment.time.run(
      Effect.scoped(body(deployment)).pipe(
        Effect.provide(Logger.layer([defectLogger(defects)])),
        Effect.provideService(References.MinimumLogLevel, "Error"),
      ),
    )
    // A partition heals from a mistake of the engine by starting anew, so nothing else would show it.
    if (defects.length > 0) throw new Error(defects.join("\n"))
    if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  }

const defectLogger = (defects: Array<string>) =>
  Logger.make(({ message, cause }) => {
    if (String(message).includes("is loaded again")) defects.push(`${message}: ${Cause.pretty(cause)}`)
  })

/** How a call ended, as plain data. */
export const outcomeOf = <A>(
  call: Effect.Effect<A, EngineError | Rejected>,
): Effect.Effect<{ readonly ok: A } | { readonly code: string } | { readonly rejected: string }> =>
  call.pipe(
    Effect.map((ok) => ({ ok })),
    Effect.catch((error) =>
      Effect.succeed(
        error._tag === "Rejected" ? { rejected: error.rejection._tag as string } : { code: error.code },
      ),
    ),
  )

/** The kind with its types forgotten, some of its behaviour replaced. */
export const changed = (kind: unknown, changes: Partial<AnyKind> = {}): AnyKind => ({
  ...(kind as AnyKind),
  ...changes,
})

export const implementation = (
  kind: unknown,
  activities: Implementation["activities"] = {},
): Implementation => ({ kind: kind as AnyKind, activities })
