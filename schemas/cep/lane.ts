/**
 * Messages of a lane: the ordered input of the rules that live there. A lane is a part of the metric stream; samples are
 * packed by `streams`' codec, everything else is JSON of one of these.
 */
import * as Schema from "effect/Schema"
import { CepEvent, eventsInBatchMax } from "./event.ts"
import { RuleDocument } from "./rule-document.ts"

/** Rules whose past is made up for together. */
export const filledRulesMax = 500

export const LaneMessage = Schema.TaggedUnion({
  Events: { events: Schema.Array(CepEvent).check(Schema.isMaxLength(eventsInBatchMax)) },
  RuleChanged: {
    rule: Schema.String,
    number: Schema.Int,
    version: Schema.Int,
    document: Schema.optionalKey(RuleDocument),
    /** Names the request that made its lane begin the rule anew, whatever it knows of it. */
    anew: Schema.optionalKey(Schema.String),
  },
  /**
   * From here on these changes count, which had to wait until the past of their rules was made up for; if all of them
   * still wait. Written by the lane's owner.
   */
  RulesFilled: {
    rules: Schema.Array(Schema.Struct({ rule: Schema.String, number: Schema.Int })).check(
      Schema.isMaxLength(filledRulesMax),
    ),
  },
  /** Time passes. Written by the lane's owner while rules wait for it. */
  Tick: {},
})
export type LaneMessage = typeof LaneMessage.Type

/** A schedule is due: an event of this type starts its rule and no other. */
export const scheduleEvent = (rule: string): string => `millrace.schedule/${rule}`
