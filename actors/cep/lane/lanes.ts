/**
 * The way into and the look at the lanes of a deployment. A lane is a part of the metric stream: whatever is in it is
 * seen in one order by the rules that live there. Items of one name of one tenant are all in one lane.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { EngineError, Unavailable } from "../../../engine/index.ts"
import type { CepEvent, RuleDocument, Sample } from "../../../schemas/index.ts"
import type { GroupFigures, RuleChange, RuleFigures } from "../evaluator.ts"

export interface RuleReport {
  readonly lane: number
  readonly node: string
  /** How far behind the end of its lane the evaluation is: messages, and the age of the last one that was taken. */
  readonly lagMessages: number
  readonly lagMs: number
  readonly figures: RuleFigures
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
  ) => Effect.Effect<RuleReport | undefined>
}

export class Lanes extends Context.Service<Lanes, LanesService>()("millrace/actors/cep/Lanes") {}
