/** What `decide` may answer: plain data, carried out by the engine only after it is in the journal. */
import type { Outgoing } from "../schemas/index.ts"
import type { Address } from "./address.ts"
import type { DeterministicRandom } from "./deterministic-random.ts"
import type { ReplyTo } from "./envelope.ts"

/** Somebody waiting for an answer. Plain data: an actor may keep it in its state and answer later. */
export interface Caller extends ReplyTo {
  readonly key?: string
}

/** When a timer is due. Cron expressions have five fields and follow the zone's daylight saving (default UTC). */
export type Due =
  | { readonly afterMs: number }
  | { readonly at: number }
  | { readonly cron: string; readonly zone?: string }

export interface TimerStart {
  readonly timer: string
  /** Tells several timers of the same name apart; setting the same one again replaces it. */
  readonly id?: string
  readonly due: Due
  readonly payload?: unknown
}

export interface TimerStop {
  readonly timer: string
  readonly id?: string
}

export interface ActivityStart {
  readonly activity: string
  /** Unique among the pending activities of the actor; the activity's name when absent. */
  readonly id?: string
  readonly input: unknown
}

/** How a long effect ended. */
export type Outcome<Output> =
  | { readonly _tag: "Success"; readonly output: Output }
  | { readonly _tag: "Failure"; readonly code: string; readonly detail: string }

export interface Accepted<Event, Reply> {
  readonly _tag: "Accepted"
  readonly events?: ReadonlyArray<Event>
  /** Answer to the caller of this command; leave out to answer later through `answers`. */
  readonly reply?: Reply
  readonly answers?: ReadonlyArray<{ readonly caller: Caller; readonly reply: unknown }>
  readonly send?: ReadonlyArray<Outgoing>
  /** Told to whoever listens right now, once the entry is in the journal. May be lost: put a number in to see gaps. */
  readonly signal?: ReadonlyArray<{ readonly topic: string; readonly body: unknown }>
  readonly setTimers?: ReadonlyArray<TimerStart>
  readonly clearTimers?: ReadonlyArray<TimerStop>
  readonly start?: ReadonlyArray<ActivityStart>
  /** Ids of pending activities to cancel; their outcome is not delivered any more. */
  readonly cancel?: ReadonlyArray<string>
}

export interface Refused<Rejection> {
  readonly _tag: "Refused"
  readonly rejection: Rejection
}

export type Decision<Event, Reply, Rejection> = Accepted<Event, Reply> | Refused<Rejection>

/** What surrounds one decision. Everything in it is recorded, so that a replay decides the same. */
export interface DecideContext {
  readonly self: Address
  /** Milliseconds since the epoch; does not run backwards within a partition's life in one node. */
  readonly now: number
  readonly random: DeterministicRandom
  /** Who waits for the answer, if anybody does. */
  readonly caller: Caller | undefined
  /** The actor that sent this command, if an actor did. */
  readonly sender: Address | undefined
  readonly principal: string | undefined
  /** Trace id of the cause. */
  readonly traceId: string
}

export const accept = <const Event = never, const Reply = undefined>(
  parts: Omit<Accepted<Event, Reply>, "_tag"> = {},
): Accepted<Event, Reply> => ({ _tag: "Accepted", ...parts })

export const reject = <const Rejection>(rejection: Rejection): Refused<Rejection> => ({
  _tag: "Refused",
  rejection,
})
