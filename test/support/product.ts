/** The product's actor kinds in memory under virtual time: nodes that start and die over stores that stay. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  EngineAccess,
  implementations,
  makeLanes,
  type Platform,
  PlatformAccess,
} from "../../actors/index.ts"
import {
  type CallOptions,
  Engine,
  type EngineError,
  type EngineShape,
  type Implementation,
  JournalRecord,
  KeyValue,
  type Rejected,
  Signals,
} from "../../engine/index.ts"
import { none } from "../../engine/memory/interference.ts"
import { makeKeyValue } from "../../engine/memory/key-value.ts"
import { makeSignals } from "../../engine/memory/signals.ts"
import { makeStores, startNode } from "../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../engine/testkit/virtual-time.ts"
import type { AnyProtocol, ReplyOf, Sample } from "../../schemas/index.ts"
import { appendSamples, MetricStream } from "../../streams/index.ts"
import { type MemoryEventStream, makeMemoryEventStream } from "./memory-event-stream.ts"
import { scriptedPlatform } from "./platform.ts"

export const tenant = "t"
const partitions = 4

export interface ProductNode {
  readonly engine: EngineShape
  /** Ends it without any hand-over. */
  readonly crash: Effect.Effect<void>
}

export class Product {
  readonly time: VirtualTime
  readonly stores: ReturnType<typeof makeStores>
  readonly metrics: MemoryEventStream
  /** What the registry of models would answer. */
  checkHealth: (tenant: string) => Effect.Effect<{ readonly checked: number; readonly unhealthy: number }> =
    () => Effect.succeed({ checked: 0, unhealthy: 0 })
  /** What takes the place of the scripted platform. */
  platform: Partial<Platform> = {}
  private nodes = 0

  constructor(seed: string) {
    this.time = new VirtualTime(seed)
    const now = () => this.time.now
    this.stores = makeStores({ now })
    this.metrics = makeMemoryEventStream(now, partitions)
  }

  /** `replace`: kinds that take the place of the product's own. */
  readonly start = Effect.fnUntraced(function* (this: Product, replace: ReadonlyArray<Implementation> = []) {
    const access = yield* EngineAccess.make
    const platform = yield* PlatformAccess.make
    const lanes = yield* makeLanes(this.metrics)
    yield* platform.fill({
      ...scriptedPlatform(),
      lanes: lanes.service,
      checkModels: (tenant) => this.checkHealth(tenant),
      ...this.platform,
    })
    const own = yield* implementations.pipe(
      Effect.provideService(EngineAccess, access),
      Effect.provideService(PlatformAccess, platform),
      Effect.provideService(MetricStream, this.metrics),
    )
    const kindOf = ({ kind }: Implementation) => kind.protocol.kind
    const kept = own.filter((one) => !replace.some((other) => kindOf(other) === kindOf(one)))
    const scope = yield* Scope.make()
    const engine = yield* startNode(this.stores, {
      partitions,
      incarnation: `n${++this.nodes}`,
      implementations: [...kept, ...replace],
    }).pipe(Effect.provideService(Scope.Scope, scope))
    yield* access.fill(engine)
    yield* lanes.run.pipe(
      this.provide(engine),
      Effect.provideService(Signals.Signals, makeSignals(this.stores.signals)),
      Effect.provideService(Scope.Scope, scope),
    )
    const node: ProductNode = { engine, crash: Scope.close(scope, Exit.void) }
    return node
  })

  readonly publish = (samples: ReadonlyArray<Sample>, of = tenant) =>
    appendSamples(this.metrics, of, samples, ["test"])

  /** All journal entries, in order within each partition. */
  entries(): ReadonlyArray<JournalRecord.Entry> {
    return Array.from({ length: partitions }, (_, partition) => partition).flatMap((partition) =>
      this.stores.journal.messages(partition).flatMap(({ data }) => {
        const record = JournalRecord.decode(data)
        if ("corrupt" in record) throw new Error(record.corrupt)
        return record.entries
      }),
    )
  }

  /** Gives what a feed or a tool needs from its environment. */
  readonly provide =
    (engine: EngineShape) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(
        Effect.provideService(Engine, engine),
        Effect.provideService(MetricStream, this.metrics),
        Effect.provideService(KeyValue.KeyValue, makeKeyValue(this.stores.values, none)),
      )
}

/** A test body over a fresh product, run to its end in virtual time. */
export const withProduct =
  (
    body: (product: Product) => Effect.Effect<unknown, unknown, Scope.Scope>,
    seed = "product",
  ): (() => void) =>
  () => {
    const product = new Product(seed)
    const exit = product.time.run(Effect.scoped(body(product)))
    if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  }

/** Asks an actor of the test's tenant. */
export const ask = <P extends AnyProtocol, const C extends P["Command"]>(
  engine: EngineShape,
  protocol: P,
  key: string,
  command: C,
  options: Partial<CallOptions> = {},
): Effect.Effect<ReplyOf<P, C["_tag"]>, EngineError | Rejected> =>
  engine.ask(protocol, key, command, { tenant, ...options })

/** The rejection that a call ends with. */
export const rejectionOf = <A>(call: Effect.Effect<A, EngineError | Rejected>) =>
  call.pipe(
    Effect.map((answer): unknown => ({ answered: answer })),
    Effect.catchTag("Rejected", ({ rejection }) => Effect.succeed(rejection as unknown)),
  )

/** Waits, in virtual time, until something holds. */
export const eventually = Effect.fnUntraced(function* (holds: () => boolean) {
  for (let tries = 0; tries < 4_000; tries++) {
    if (holds()) return
    yield* Effect.sleep(25)
  }
  return yield* Effect.die(new Error(`does not hold within 100 s: ${holds}`))
})
