/** What groups share of the evaluator they live in: where in the log it is, and where what they say goes. */
import { aggregatesMax, type CepEvent, type Transition } from "../../../schemas/index.ts"
import type { Defect, EvaluatorOptions } from "../evaluator.ts"
import type { Scope } from "../expression/expression.ts"
import type { Group } from "./group.ts"
import { noAttributes } from "./route.ts"
import type { Timers } from "./timers.ts"

export interface Host {
  readonly lane: number
  /** Of the message that is being read. */
  readonly place: { sequence: number; at: number }
  /** Filled anew before each evaluation; no group may rely on what another left in it. */
  readonly scope: Scope
  readonly timers: Timers<Group>
  readonly onStep: EvaluatorOptions["onStep"]
  /** Number of the last capture of the lane's state, and how a group gets into it before it changes. */
  readonly cut: number
  readonly keep: (group: Group) => void
  readonly nextSerial: () => number
  readonly sayTransition: (tenant: string, transition: Transition) => void
  readonly sayEvent: (tenant: string, event: CepEvent) => void
  readonly sayDefect: (defect: Defect) => void
}

/**
 * Numbers of one sender only ever grow, even when it was forgotten and begins again: the part above comes from the
 * sequence of the lane's log, and no message makes one sender say more than this.
 */
const numbersPerMessage = 4_096

/** The smallest number that is said at a place; what was said before has smaller ones. */
export const firstNumber = ({ sequence }: Host["place"]): number => sequence * numbersPerMessage

export const nextNumber = (last: number, place: Host["place"]): number =>
  Math.max(last + 1, firstNumber(place))

export const emptyScope = (): Scope => ({
  value: Number.NaN,
  previous: Number.NaN,
  at: Number.NaN,
  labels: {},
  event: noAttributes,
  aggregates: new Float64Array(aggregatesMax),
  matched: {},
})
