/**
 * The way into and the look at the lanes of a deployment. A lane is a part of the metric stream: whatever is in it is
 * seen in one order by the rules that live there. Items of one name of one tenant are all in one lane.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EngineError, Unavailable } from "../../../engine/index.ts"
import type { CepEvent, RuleDocument, Sample } from "../../../schemas/index.ts"
import type { GroupFigures, RuleChange, RuleFigures } from "../evaluator.ts"
import type { LatencyFigures } from "./latency.ts"
import type { LaneFigures } from "./live-lane.ts"

export interface RuleReport {
  readonly lane: number
  readonly node: string
  /** How far behind the end of its lane the evaluation is: messages, and the age of the last one that was taken. */
  readonly lagMessages: number
  readonly lagMs: number
  /** Of the lane's messages: from when one was stored until it was evaluated; and what an item takes of the process. */
  readonly latency?: LatencyFigures
  readonly microsPerItem: number
  readonly figures: RuleFigures
  /** As many as fit; `figures.groups` counts all of them. */
  readonly groups: ReadonlyArray<GroupFigures>
}

export interface LanesService {
  /** Done once it is durable. `source` keeps the messages of different senders apart. Errors: full or away. */
  readonly appendSamples: (
    tenant: string,
    samples: ReadonlyArray<Sample>,
    source: ReadonlyArray<string>,
  ) => Effect.Effect<void, Unavailable | EngineError>
  /** The same event again within a day, by its id and type, is one event. */
  readonly appendEvents: (
    tenant: string,
    events: ReadonlyArray<CepEvent>,
  ) => Effect.Effect<void, Unavailable | EngineError>
  /** Puts a change of a rule into the order of its lane, and its end into that of the lane where it lived before. */
  readonly changeRule: (
    change: RuleChange,
    before: RuleDocument | undefined,
  ) => Effect.Effect<{ readonly lane: number; readonly sequence: number }, Unavailable | EngineError>
  /** From whichever node owns the rule's lane; undefined when nobody answers in time or the lane does not know it yet. */
  readonly report: (
    tenant: string,
    rule: string,
    document: RuleDocument,
    /** False: without its groups, which cost more than all else. */
    groups?: boolean,
  ) => Effect.Effect<RuleReport | undefined>
}

export interface LaneProblem {
  readonly lane: number
  /**
   * `unreadable`: what is stored of it cannot be loaded. `stopped`: it was loaded, and something in it failed. `entering`: it
   * was rebuilt, and not all of its rules could be told to enter it anew.
   */
  readonly state: "unreadable" | "stopped" | "entering"
  readonly reason: string
  /** Since when it has not run for a while, how often it was begun, and when it is begun again. */
  readonly since: number
  readonly times: number
  readonly againAt: number
}

/** What an operator does about it. */
export const mendOf = ({ lane, state }: LaneProblem): string =>
  state === "entering" ? "see what does not answer; it is tried again" : mendingCommand(lane)
export const mendingCommand = (lane: number): string => `millrace lanes rebuild ${lane}`

/** One lane as an operator sees it. */
export interface LaneStatus {
  readonly lane: number
  /** Who has it, as far as anybody knows. */
  readonly node?: string
  /** `unanswered`: its node said nothing in time, or nobody has it. */
  readonly state: "evaluated" | "loading" | LaneProblem["state"] | "unanswered"
  readonly figures?: LaneFigures
  readonly problem?: LaneProblem
}

export interface LaneRebuild {
  readonly lane: number
  /** Names this rebuild. */
  readonly request: string
  /** Up to where the lane had been evaluated, if that could be read, and where it begins again. */
  readonly evaluated?: number
  readonly through: number
}

/** What operators do with lanes. */
export interface LaneOperationsService {
  /** Every lane, as the nodes tell within a moment. */
  readonly overview: Effect.Effect<ReadonlyArray<LaneStatus>>
  /**
   * Throws away what is stored of a lane, and has its rules enter it anew, filled from the stream's history. Whoever has the
   * lane loses it. Done once it is sure to happen; the rules follow one after the other. Repeated, it happens again.
   */
  readonly rebuild: (lane: number) => Effect.Effect<LaneRebuild, Unavailable>
}

export class LaneOperations extends Context.Service<LaneOperations, LaneOperationsService>()(
  "millrace/actors/cep/LaneOperations",
) {}

export class Lanes extends Context.Service<Lanes, LanesService>()("millrace/actors/cep/Lanes") {}
