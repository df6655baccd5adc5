/** Lanes in memory under virtual time: nodes with faults over one stream, and what an undisturbed evaluation of it says. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Evaluator, Output } from "../../actors/cep/evaluator.ts"
import { Fill } from "../../actors/cep/lane/history.ts"
import { changesOf, type Filled, type FilledInput, LaneReader } from "../../actors/cep/lane/lane-input.ts"
import type { LaneOperationsService } from "../../actors/cep/lane/lanes.ts"
import { type LaneLimits, laneDefaults } from "../../actors/cep/lane/limits.ts"
import { makeLanes, type NodeLanes } from "../../actors/cep/lane/make-lanes.ts"
import type { Evaluators } from "../../actors/cep/lane/run-lane.ts"
import {
  Engine,
  type EngineShape,
  type Implementation,
  implement,
  JournalRecord,
  KeyValue,
  Signals,
  type Unavailable,
} from "../../engine/index.ts"
import { makeKeyValue } from "../../engine/memory/key-value.ts"
import { makeSignals } from "../../engine/memory/signals.ts"
import { calm, FaultyNode, type Rates } from "../../engine/testkit/faults.ts"
import { makeStores, startNode } from "../../engine/testkit/memory-deployment.ts"
import { VirtualTime } from "../../engine/testkit/virtual-time.ts"
import type { Transition } from "../../schemas/index.ts"
import type { EventTail, MetricStreamService, StoredEvent } from "../../streams/index.ts"
import { CollectingDesk, transitionsTaken } from "./collecting-desk.ts"
import { makeMemoryEventStream } from "./memory-event-stream.ts"

export const lanesInWorld = 3

export interface LaneNode {
  readonly engine: EngineShape
  readonly lanes: NodeLanes
  readonly operations: LaneOperationsService
  readonly faults: FaultyNode
  /** Hands the lanes over, and then the partitions. */
  readonly drain: Effect.Effect<void>
}

export interface WorldOptions {
  /** What receives the lanes' outputs; a desk that only collects them when absent. */
  readonly software?: Effect.Effect<ReadonlyArray<Implementation>>
  /** Changes what lanes have of their engine: a canary. */
  readonly engineOf?: (engine: EngineShape, faults: FaultyNode) => EngineShape
}

const collecting = Effect.map(implement(CollectingDesk, {}), (desk) => [desk])

export class LaneWorld {
  readonly time: VirtualTime
  readonly stores: ReturnType<typeof makeStores>
  readonly stream: ReturnType<typeof makeMemoryEventStream>
  rates: Rates = calm
  /** Reads of what is stored, so far; each waits for this first. */
  pastReads = 0
  pastGate: Effect.Effect<void> = Effect.void
  private readonly evaluators: Evaluators
  private readonly options: WorldOptions
  private nodes = 0

  constructor(seed: string, evaluators: Evaluators, options: WorldOptions = {}) {
    this.options = options
    this.time = new VirtualTime(seed)
    this.evaluators = evaluators
    this.stores = makeStores({ now: () => this.time.now })
    this.stream = makeMemoryEventStream(() => this.time.now, lanesInWorld)
  }

  /** Until it crashes, or the test ends. */
  readonly start = Effect.fnUntraced(function* (this: LaneWorld, limits: Partial<LaneLimits> = {}) {
    const faults = new FaultyNode(this.time, () => this.rates)
    const scope = yield* Scope.make()
    const stream = this.streamOf(faults)
    const implementations = yield* this.options.software ?? collecting
    const clock = this.time.clock({ offset: () => faults.clockOffset, gate: faults.gate })
    const node = yield* Effect.gen({ self: this }, function* () {
      const engine = yield* startNode(
        this.stores,
        { partitions: lanesInWorld, incarnation: `n${++this.nodes}`, implementations },
        faults,
      )
      const lanes = yield* makeLanes(stream, { evaluators: this.evaluators, limits })
      const { drain, operations } = yield* lanes.run.pipe(
        Effect.provideService(Engine, this.options.engineOf?.(engine, faults) ?? engine),
        Effect.provideService(KeyValue.KeyValue, makeKeyValue(this.stores.values, faults)),
        Effect.provideService(Signals.Signals, makeSignals(this.stores.signals, faults)),
      )
      return {
        engine,
        lanes,
        operations,
        faults,
        drain: Effect.andThen(drain, engine.drain),
      } satisfies LaneNode
    }).pipe(Effect.provideService(Scope.Scope, scope), Effect.provideService(Clock.Clock, clock))
    const ended = Effect.andThen(Deferred.await(faults.crashed), Scope.close(scope, Exit.void))
    yield* Effect.forkScoped(ended)
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    return node
  })

  /** The stream as one node sees it: what it appends may be stored though the node is told otherwise, or twice. */
  streamOf(faults: FaultyNode): MetricStreamService {
    const gated = ({ take }: EventTail): EventTail => ({
      take: Effect.tap(take, () => faults.gate),
    })
    return {
      ...this.stream,
      append: (...given) => faults.run("stream append", () => Effect.runSync(this.stream.append(...given))),
      pages: (...given) =>
        Effect.suspend(() => {
          this.pastReads += 1
          return Effect.andThen(Effect.andThen(faults.gate, this.pastGate), this.stream.pages(...given))
        }),
      tail: (...given) => Effect.andThen(faults.gate, Effect.map(this.stream.tail(...given), gated)),
      bounds: Effect.andThen(faults.gate, this.stream.bounds),
    }
  }

  /** All journal entries, in order within each partition. */
  entries(): ReadonlyArray<JournalRecord.Entry> {
    return Array.from({ length: lanesInWorld }, (_, partition) => partition).flatMap((partition) =>
      this.stores.journal.messages(partition).flatMap(({ data }) => {
        const record = JournalRecord.decode(data)
        if ("corrupt" in record) throw new Error(record.corrupt)
        return record.entries
      }),
    )
  }

  /** What the desks of all tenants took, as often as they did. */
  transitions(): ReadonlyArray<Transition> {
    return transitionsTaken(this.entries())
  }
}

const filledOf = Effect.fnUntraced(function* (
  stream: MetricStreamService,
  evaluators: Evaluators,
  evaluator: Evaluator,
  lane: number,
  input: FilledInput,
): Effect.fn.Return<Filled | undefined, Unavailable> {
  const awaited = changesOf(evaluator, input)
  if (awaited === undefined) return undefined
  const fill = new Fill({ lane, stream, evaluators, limits: laneDefaults }, awaited)
  yield* fill.read(input.place.sequence)
  return { awaited, past: fill.finish() }
})

/** What one evaluation of the whole stream says, lane by lane, without a checkpoint or an end. */
export const referenceOutputs = Effect.fnUntraced(function* (
  stream: MetricStreamService,
  evaluators: Evaluators,
) {
  const outputs: Array<Output> = []
  const events: Array<StoredEvent> = []
  yield* stream.read(">", { sequence: 1 }, (event) => events.push(event))
  for (let lane = 0; lane < stream.lanes; lane++) {
    const evaluator = evaluators.make(lane)
    const reader = new LaneReader(lane, stream.lanes, evaluator)
    for (const event of events) {
      const input = reader.read(event)
      if (input === undefined) continue
      reader.apply(
        input,
        input.type === "filled" ? yield* filledOf(stream, evaluators, evaluator, lane, input) : undefined,
      )
      outputs.push(...evaluator.take())
    }
  }
  return outputs
})
