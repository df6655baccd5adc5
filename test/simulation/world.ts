/** A small deployment under faults: nodes crash, freeze, come back under new names, and their clocks jump. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  ActivityFailure,
  type EngineShape,
  type Implementation,
  implement,
  type NodeOptions,
} from "../../engine/index.ts"
import { calm, FaultyNode, type Rates } from "../../engine/testkit/faults.ts"
import { makeStores, type Stores, startNode } from "../../engine/testkit/memory-deployment.ts"
import type { VirtualTime } from "../../engine/testkit/virtual-time.ts"
import { Ledger } from "./ledger.ts"

export const partitions = 3

/** Small bounds, so that every one of them is met within a short run. */
const limits: NonNullable<NodeOptions["limits"]> = {
  batchCommandsMax: 4,
  inFlightCommandsMax: 12,
  outboxMax: 8,
  residentActorsMax: 2,
  passivateAfterMs: 800,
  checkpointEntries: 12,
  checkpointEveryMs: 1_500,
  publishBudgetMs: 2_500,
  askTimeoutMs: 4_000,
  senderMarksMax: 64,
  journalMarkEveryMs: 4_000,
}

const stormy: Rates = {
  lost: 0.02,
  answerLost: 0.02,
  lateAfterFailure: 0.015,
  twice: 0.02,
  slow: 0.03,
  crashBefore: 0.0015,
  crashAfter: 0.0025,
  signalLost: 0.03,
  signalTwice: 0.02,
}

export interface LiveNode {
  readonly name: string
  readonly engine: EngineShape
  readonly faults: FaultyNode
}

/** What runs on a node, and what is done once its engine runs. */
export interface Software {
  readonly implementations: ReadonlyArray<Implementation>
  readonly started?: (engine: EngineShape) => Effect.Effect<void>
}

/** The simulation's own actor. */
const ledger = (world: World): Effect.Effect<Software> =>
  Effect.map(
    implement(Ledger, {
      work: ({ steps, operation }, run) =>
        Effect.gen(function* () {
          for (let step = run.progressed; step < steps; step++) {
            yield* Effect.sleep(world.time.random.next() * 300)
            if (!world.calm && world.time.random.next() < 0.1) {
              return yield* new ActivityFailure({ code: "Hiccup", detail: operation, retryable: true })
            }
            yield* run.emit(step)
          }
          return `done`
        }),
    }),
    (implementation) => ({ implementations: [implementation] }),
  )

export class World {
  readonly stores: Stores
  readonly time: VirtualTime
  live: Array<LiveNode> = []
  crashes = 0
  freezes = 0
  private rates: Rates = stormy
  private started = 0
  private size: number
  private readonly software: (world: World) => Effect.Effect<Software>

  constructor(time: VirtualTime, stores: Stores = makeStores(), software = ledger) {
    this.time = time
    this.stores = stores
    this.software = software
    this.size = 1 + Math.floor(time.random.next() * 3)
  }

  get calm(): boolean {
    return this.rates === calm
  }

  pick(): LiveNode | undefined {
    return this.live[Math.floor(this.time.random.next() * this.live.length)]
  }

  /** Keeps the wanted number of nodes running until interrupted. */
  readonly keep = Effect.suspend(() =>
    Effect.forEach(
      Array.from({ length: this.size }, (_, index) => index),
      () => Effect.forever(Effect.suspend(() => this.life())),
      { concurrency: "unbounded", discard: true },
    ),
  )

  /** Now and then stops a node for seconds or turns its clock. */
  readonly disturb = Effect.gen({ self: this }, function* () {
    for (;;) {
      yield* this.time.sleep(500 + this.time.random.next() * 4_000)
      const node = this.pick()
      if (node === undefined || this.calm) continue
      const draw = this.time.random.next()
      if (draw < 0.45) {
        this.freezes += 1
        node.faults.freeze()
        const length = this.time.random.next() * 6_000
        yield* Effect.forkScoped(
          Effect.andThen(
            this.time.sleep(length),
            Effect.sync(() => node.faults.unfreeze()),
          ),
        )
      } else if (draw < 0.7) node.faults.clockOffset += (this.time.random.next() - 0.5) * 60_000
      else if (draw < 0.8) node.faults.crash()
    }
  })

  /** From now on nothing goes wrong any more. */
  settle(): void {
    this.rates = calm
    for (const { faults } of this.live) faults.unfreeze()
  }

  crashAll(): void {
    for (const { faults } of [...this.live]) faults.crash()
  }

  private readonly life = Effect.fnUntraced(function* (this: World) {
    const name = `n${++this.started}`
    const faults = new FaultyNode(this.time, () => this.rates)
    const scope = yield* Scope.make()
    const clock = this.time.clock({ offset: () => faults.clockOffset, gate: faults.gate })
    const software = yield* this.software(this)
    const engine = yield* startNode(
      this.stores,
      { partitions, incarnation: name, implementations: software.implementations, limits },
      faults,
    ).pipe(Effect.provideService(Scope.Scope, scope), Effect.provideService(Clock.Clock, clock))
    yield* software.started?.(engine) ?? Effect.void
    const node: LiveNode = { name, engine, faults }
    this.live.push(node)
    // Now and then a node leaves in good order instead of dying.
    const leaves = this.time.random.next() < 0.25
    const drained = leaves
      ? Effect.andThen(
          this.time.sleep(this.time.random.next() * 15_000),
          engine.drain.pipe(Effect.provideService(Clock.Clock, clock)),
        )
      : Effect.never
    yield* Effect.raceFirst(Deferred.await(faults.crashed), drained)
    this.live = this.live.filter((other) => other !== node)
    this.crashes += faults.dead ? 1 : 0
    faults.crash()
    yield* Scope.close(scope, Exit.void)
    yield* this.time.sleep(this.time.random.next() * 2_000)
  })
}
