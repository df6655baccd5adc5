/**
 * What operators see of all lanes and do with one. Nodes tell of the lanes that they have; a rebuild is a mark that the
 * lane's next owner finds, and the end of what was stored.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EngineShape, KeyValue, PartitionState, Signals, Unavailable } from "../../../engine/index.ts"
import type { MetricStreamService } from "../../../streams/index.ts"
import * as Checkpoint from "./checkpoint.ts"
import { markRebuild } from "./entering.ts"
import type { LaneHost } from "./lane-host.ts"
import type { LaneOperationsService, LaneProblem, LaneRebuild, LaneStatus } from "./lanes.ts"
import type { LaneLimits } from "./limits.ts"
import type { LiveLane } from "./live-lane.ts"
import { whileWaiting } from "./waiting.ts"

export interface OperationsOptions {
  readonly engine: EngineShape
  readonly stream: MetricStreamService
  readonly keyValue: KeyValue.KeyValueStore
  readonly signals: Signals.SignalBus
  readonly limits: LaneLimits
  readonly host: LaneHost
  readonly problems: () => ReadonlyArray<LaneProblem>
  /** Of this node. */
  readonly live: ReadonlyMap<number, LiveLane>
}

interface Question {
  readonly id: string
  readonly node: string
}
interface Reply {
  readonly id: string
  readonly node: string
  readonly lanes: ReadonlyArray<LaneStatus>
}
interface Gathering {
  readonly replies: Map<string, ReadonlyArray<LaneStatus>>
  readonly wanted: number
  readonly complete: Deferred.Deferred<void>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const bytes = (message: unknown) => encoder.encode(JSON.stringify(message))
const questionTopic = "lanes.question"
const replyTopic = (node: string): string => `lanes.reply.${node}`
const againTopic = "lanes.again"
/** A lane that is well on its node is told before one that another node no longer has. */
const rank = ({ state }: LaneStatus): number =>
  ["evaluated", "stopped", "unreadable", "loading"].indexOf(state)

/** Of the lanes whose partitions are here. */
export const statusesOf = (
  node: string,
  partitions: ReadonlyArray<PartitionState>,
  live: ReadonlyMap<number, LiveLane>,
  problems: ReadonlyArray<LaneProblem>,
): ReadonlyArray<LaneStatus> => {
  const troubled = new Map(problems.map((problem) => [problem.lane, problem]))
  return partitions.flatMap((partition, lane): ReadonlyArray<LaneStatus> => {
    const [one, problem] = [live.get(lane), troubled.get(lane)]
    if (one === undefined && partition._tag !== "Live") return []
    const known = problem === undefined ? {} : { problem }
    if (one === undefined) return [{ lane, node, state: problem?.state ?? "loading", ...known }]
    return [{ lane, node, state: "evaluated", figures: one.figures(), ...known }]
  })
}

export const makeOperations = Effect.fnUntraced(function* (
  options: OperationsOptions,
): Effect.fn.Return<LaneOperationsService, never, Scope.Scope> {
  const { engine, stream, keyValue, signals, limits, host, problems, live } = options
  const { node } = yield* engine.status
  const gatherings = new Map<string, Gathering>()
  let questions = 0

  const here = Effect.map(engine.status, ({ partitions }) => statusesOf(node, partitions, live, problems()))

  yield* signals.subscribe(replyTopic(node), (data) => {
    const { id, node: from, lanes } = JSON.parse(decoder.decode(data)) as Reply
    const gathering = gatherings.get(id)
    if (gathering === undefined) return
    gathering.replies.set(from, lanes)
    if (gathering.replies.size >= gathering.wanted) Deferred.doneUnsafe(gathering.complete, Effect.void)
  })
  const context = yield* Effect.context()
  yield* signals.subscribe(questionTopic, (data) => {
    const { id, node: from } = JSON.parse(decoder.decode(data)) as Question
    if (from === node) return
    const replying = Effect.map(here, (lanes) =>
      signals.publish(replyTopic(from), bytes({ id, node, lanes } satisfies Reply)),
    )
    Effect.runForkWith(context)(replying)
  })
  yield* signals.subscribe(againTopic, (data) => host.again(Number(decoder.decode(data))))

  const overview = Effect.gen(function* () {
    const { members, partitions } = yield* engine.status
    const id = `${node}.${++questions}`
    const complete = Deferred.makeUnsafe<void>()
    const others = members.filter((member) => member !== node).length
    const replies = new Map<string, ReadonlyArray<LaneStatus>>()
    if (others > 0) {
      const wait = Effect.suspend(() => {
        signals.publish(questionTopic, bytes({ id, node } satisfies Question))
        return Effect.timeoutOption(Deferred.await(complete), limits.reportMs)
      })
      yield* whileWaiting(gatherings, id, { replies, wanted: others, complete }, wait)
    }
    const told = [...(yield* here), ...[...replies.values()].flat()].toSorted(
      (one, other) => rank(one) - rank(other),
    )
    return partitions.map((partition, lane): LaneStatus => {
      const found = told.find((one) => one.lane === lane)
      if (found !== undefined) return found
      const owner = partition._tag === "Elsewhere" ? partition.node : undefined
      return { lane, state: "unanswered", ...(owner === undefined ? {} : { node: owner }) }
    })
  })

  const rebuild = Effect.fnUntraced(function* (lane: number): Effect.fn.Return<LaneRebuild, Unavailable> {
    const at = yield* Clock.currentTimeMillis
    const request = `${node}.${at.toString(36)}`
    const evaluated = yield* Checkpoint.reached(keyValue, lane)
    const { last: through } = yield* stream.bounds
    // The mark first: whoever finds the lane empty knows what to do.
    yield* markRebuild(keyValue, lane, { request, at, from: evaluated ?? 0 })
    yield* Checkpoint.discard(keyValue, lane, request, through)
    yield* Effect.logWarning(`lane ${lane}: its state was thrown away, its rules enter it anew (${request})`)
    // A node that does not hear it finds out at its next checkpoint.
    host.again(lane)
    signals.publish(againTopic, encoder.encode(String(lane)))
    return { lane, request, through, ...(evaluated === undefined ? {} : { evaluated }) }
  })

  return { overview, rebuild }
})
