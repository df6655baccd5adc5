/**
 * `Lanes` of one node: the ways in, which every node has, and the look at a rule, which the node answers that evaluates it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  Engine,
  EngineError,
  KeyValue,
  type LogFull,
  Signals,
  type Unavailable,
} from "../../../engine/index.ts"
import { type RuleDocument, scheduleEvent } from "../../../schemas/index.ts"
import {
  appendSamples,
  laneOf,
  type MetricStreamService,
  metricToken,
  ruleSource,
} from "../../../streams/index.ts"
import { makeEvaluator, readingOf } from "../make-evaluator.ts"
import { homeName } from "./home.ts"
import { makeLaneHost } from "./lane-host.ts"
import type { LaneOperationsService, LaneProblem, LanesService, RuleReport } from "./lanes.ts"
import { type LaneLimits, laneDefaults } from "./limits.ts"
import type { LaneFigures, LiveLane } from "./live-lane.ts"
import { makeOperations } from "./operations.ts"
import type { Evaluators } from "./run-lane.ts"
import { whileWaiting } from "./waiting.ts"

export interface NodeLanes {
  readonly service: LanesService
  /** Evaluates the lanes whose partitions are here, until the scope closes; `drain` hands them over before. */
  readonly run: Effect.Effect<
    { readonly drain: Effect.Effect<void>; readonly operations: LaneOperationsService },
    never,
    Engine | KeyValue.KeyValue | Signals.Signals | Scope.Scope
  >
  /** Of the lanes that are evaluated here. */
  readonly figures: () => ReadonlyMap<number, LaneFigures>
  readonly live: () => Iterable<LiveLane>
  readonly problems: () => ReadonlyArray<LaneProblem>
  /** Has a problem of a lane that is here told with the others, or no longer. */
  readonly note: (lane: number, problem: LaneProblem | undefined) => void
}

export interface LanesOptions {
  readonly evaluators?: Evaluators
  readonly limits?: Partial<LaneLimits>
}

interface Asked {
  readonly tenant: string
  readonly rule: string
  readonly groups: boolean
}
interface Question extends Asked {
  readonly id: string
  readonly node: string
}
interface Reply {
  readonly id: string
  readonly report?: RuleReport
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const questionTopic = (lane: number): string => `lane.report.${lane}`
const replyTopic = (node: string): string => `lane.reply.${node}`
const retries = 3

/** Of the product. */
const laneEvaluators: Evaluators = {
  make: (lane) => makeEvaluator({ lane }),
  read: (lane, state) => readingOf(state, { lane }),
}

/** A message that no server takes is refused for good; one for which there is no room now may be sent again later. */
const asEngineError = (failure: Unavailable | LogFull): Unavailable | EngineError => {
  if (failure._tag === "Unavailable") return failure
  const code = failure.tooLarge === true ? "PayloadTooLarge" : "Overloaded"
  return new EngineError({ code, detail: failure.detail, accepted: false })
}

/** As many as one message between nodes holds. */
const fitting = (groups: RuleReport["groups"], limits: LaneLimits): RuleReport["groups"] => {
  let room = limits.reportCharactersMax
  const end = groups.findIndex((group) => {
    room -= JSON.stringify(group).length
    return room < 0
  })
  return end < 0 ? groups : groups.slice(0, end)
}

export const makeLanes = Effect.fnUntraced(function* (
  stream: MetricStreamService,
  { evaluators = laneEvaluators, limits: given = {} }: LanesOptions = {},
): Effect.fn.Return<NodeLanes> {
  const limits = { ...laneDefaults, ...given }
  const live = new Map<number, LiveLane>()
  const asked = new Map<string, Deferred.Deferred<RuleReport | undefined>>()
  let ask: ((lane: number, question: Asked) => Effect.Effect<RuleReport | undefined>) | undefined
  let node = ""
  const noted = new Map<number, LaneProblem>()
  let hosted: NodeLanes["problems"] = () => []

  const append = (tenant: string, lane: number, source: string, message: unknown, id: string) =>
    stream
      .append(metricToken(tenant, lane, source), encoder.encode(JSON.stringify(message)), id)
      .pipe(
        Effect.retry({ while: ({ _tag }) => _tag === "Unavailable", times: retries }),
        Effect.mapError(asEngineError),
      )

  const report = (one: LiveLane, { tenant, rule, groups: isInFull }: Asked): RuleReport | undefined => {
    const figures = one.evaluator.figures(tenant, rule)
    if (figures === undefined) return undefined
    const { lagMessages, lagMs, latency, microsPerItem } = one.figures()
    const groups = isInFull ? fitting(one.evaluator.groups(tenant, rule, limits.reportGroupsMax), limits) : []
    const speed = { microsPerItem, ...(latency === undefined ? {} : { latency }) }
    return { lane: one.lane, node, lagMessages, lagMs, ...speed, figures, groups }
  }

  /** A node that runs no lanes, and has nobody to ask, does not wait. */
  const untilItCounts = Effect.fnUntraced(function* (
    tenant: string,
    rule: string,
    number: number,
    document: RuleDocument,
  ) {
    for (
      let pause = limits.countsPollMs;
      ask !== undefined;
      pause = Math.min(2 * pause, limits.countsPollMsMax)
    ) {
      const told = yield* service.report(tenant, rule, document, false)
      if (told !== undefined && told.figures.number >= number) return
      yield* Effect.sleep(pause)
    }
  })

  const service: LanesService = {
    appendSamples: (tenant, samples, source) =>
      Effect.mapError(appendSamples(stream, tenant, samples, source), asEngineError),
    appendEvents: (tenant, events) =>
      Effect.forEach(
        events,
        (event) => {
          const id = `event\n${tenant}\n${event.type}\n${event.id}`
          const lane = laneOf(tenant, event.type, stream.lanes)
          return append(tenant, lane, "events", { _tag: "Events", events: [event] }, id)
        },
        { concurrency: "unbounded", discard: true },
      ),
    changeRule: Effect.fnUntraced(function* ({ tenant, ...change }, before) {
      const { rule, number, version, anew } = change
      const homeOf = (document: RuleDocument) => laneOf(tenant, homeName(rule, document), stream.lanes)
      const id = `rule\n${tenant}\n${rule}\n${number}${anew === undefined ? "" : `\n${anew}`}`
      const old = before === undefined ? undefined : homeOf(before)
      const lane =
        change.document === undefined
          ? (old ?? laneOf(tenant, scheduleEvent(rule), stream.lanes))
          : homeOf(change.document)
      // The end first: no moment has the rule in two lanes.
      if (old !== undefined && old !== lane)
        yield* append(tenant, old, ruleSource, { _tag: "RuleChanged", rule, number, version }, `${id}\nend`)
      const sequence = yield* append(tenant, lane, ruleSource, { _tag: "RuleChanged", ...change }, id)
      const { document } = change
      if (document !== undefined && document.enabled !== false)
        yield* Effect.timeoutOption(untilItCounts(tenant, rule, number, document), limits.countsMs)
      return { lane, sequence }
    }),
    report: (tenant, rule, document, groups = true) =>
      Effect.suspend(() => {
        const lane = laneOf(tenant, homeName(rule, document), stream.lanes)
        const here = live.get(lane)
        const question = { tenant, rule, groups }
        if (here !== undefined) return Effect.succeed(report(here, question))
        return ask === undefined ? Effect.succeed(undefined) : ask(lane, question)
      }),
  }

  const problems = () => [...noted.values(), ...hosted()]

  const run = Effect.gen(function* () {
    const [engine, keyValue, signals] = [yield* Engine, yield* KeyValue.KeyValue, yield* Signals.Signals]
    node = (yield* engine.status).node
    let questions = 0

    ask = Effect.fnUntraced(function* (lane, asking) {
      const id = `${node}.${++questions}`
      const answered = Deferred.makeUnsafe<RuleReport | undefined>()
      const question: Question = { id, node, ...asking }
      const wait = Effect.suspend(() => {
        signals.publish(questionTopic(lane), encoder.encode(JSON.stringify(question)))
        return Effect.timeoutOption(Deferred.await(answered), limits.reportMs)
      })
      const answer = yield* whileWaiting(asked, id, answered, wait)
      return answer._tag === "Some" ? answer.value : undefined
    })
    yield* signals.subscribe(replyTopic(node), (data) => {
      const { id, report: told } = JSON.parse(decoder.decode(data)) as Reply
      const waiting = asked.get(id)
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(told))
    })
    yield* Effect.forEach(
      Array.from({ length: stream.lanes }, (_, lane) => lane),
      (lane) =>
        signals.subscribe(questionTopic(lane), (data) => {
          const one = live.get(lane)
          if (one === undefined) return
          const { id, node: from, ...asking } = JSON.parse(decoder.decode(data)) as Question
          const told = report(one, asking)
          const reply: Reply = { id, ...(told === undefined ? {} : { report: told }) }
          signals.publish(replyTopic(from), encoder.encode(JSON.stringify(reply)))
        }),
      { concurrency: "unbounded", discard: true },
    )
    const host = yield* makeLaneHost({
      engine,
      keyValue,
      stream,
      evaluators,
      limits,
      changed: (lane, one) => (one === undefined ? live.delete(lane) : live.set(lane, one)),
    })
    hosted = host.problems
    const operations = yield* makeOperations({
      engine,
      stream,
      keyValue,
      signals,
      limits,
      host,
      problems,
      live,
    })
    return { drain: host.drain, operations }
  })
  const note: NodeLanes["note"] = (lane, problem) =>
    problem === undefined ? noted.delete(lane) : noted.set(lane, problem)
  const figures = () => new Map([...live].map(([lane, one]) => [lane, one.figures()] as const))
  return { service, run, figures, live: () => live.values(), problems, note }
})
