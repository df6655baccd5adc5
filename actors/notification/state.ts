/** What the deliveries of a channel consist of, and the events by which they change. */
import * as Schema from "effect/Schema"
import {
  AlertAction,
  DeliveryAttempt,
  DeliveryStatus,
  Notification,
  perMinuteMaxDefault,
  type Tagged,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"

const Content = {
  notification: Schema.optionalKey(Notification),
  action: Schema.optionalKey(AlertAction),
}

/** One that is not over. */
export const Waiting = Schema.Struct({
  n: Schema.Int,
  id: Schema.String,
  /** The same for every attempt: letters, digits and hyphens. */
  token: Schema.String,
  /** Goes out after those of the same group that came before it. */
  group: Schema.String,
  what: Schema.String,
  ...Content,
  bytes: Schema.Int,
  queuedAt: Schema.Finite,
  attempts: Schema.Int,
  dueAt: Schema.Finite,
  flying: Schema.Boolean,
  /** Of the last change. */
  at: Schema.Finite,
  detail: Schema.optionalKey(Schema.String),
  traceId: Schema.String,
  revision: Schema.Int,
})
export type Waiting = typeof Waiting.Type

/** One that is over. */
export const Over = Schema.Struct({ ...DeliveryAttempt.fields, n: Schema.Int, revision: Schema.Int })
export type Over = typeof Over.Type

/** Asked for by somebody who waits to be told how it went. */
const Trial = Schema.Struct({
  n: Schema.Int,
  by: Schema.String,
  caller: Schema.optionalKey(CallerSchema),
})

export const State = Schema.Struct({
  key: Schema.String,
  /** Oldest first. */
  waiting: Schema.Array(Waiting),
  tests: Schema.Array(Trial),
  /** Newest first. */
  log: Schema.Array(Over),
  /** Ids of what is over, newest first. */
  known: Schema.Array(Schema.String),
  /** As of the last attempt. */
  perMinuteMax: Schema.Int,
  /** When the attempts of the last minute began, oldest first. */
  begun: Schema.Array(Schema.Finite),
  /** The receiver asked to be left alone until then. */
  restsUntil: Schema.Finite,
  bytes: Schema.Int,
  /** Number of the newest delivery. */
  last: Schema.Int,
  revision: Schema.Int,
  /** Up to which revision the database has it. */
  indexed: Schema.Int,
  indexing: Schema.Boolean,
})
export type State = typeof State.Type

export const initial = (key: string): State => ({
  key,
  waiting: [],
  tests: [],
  log: [],
  known: [],
  perMinuteMax: perMinuteMaxDefault,
  begun: [],
  restsUntil: 0,
  bytes: 0,
  last: 0,
  revision: 0,
  indexed: 0,
  indexing: false,
})

const at = Schema.Finite
const named = { id: Schema.String, what: Schema.String, traceId: Schema.String }

export const events = {
  Queued: { ...named, token: Schema.String, group: Schema.String, ...Content, bytes: Schema.Int, at },
  /** It found no place. */
  Refused: { ...named, detail: Schema.String, at },
  /** It found no place, and is counted in the last one of the queue, which stands for all such. */
  Collapsed: { ...named, token: Schema.String, alerts: Schema.Int, detail: Schema.String, at },
  Attempted: { n: Schema.Int, at },
  /** `failed`: waits until `dueAt` for another attempt. */
  Settled: {
    n: Schema.Int,
    status: DeliveryStatus,
    detail: Schema.optionalKey(Schema.String),
    dueAt: Schema.optionalKey(Schema.Finite),
    restsUntil: Schema.optionalKey(Schema.Finite),
    perMinuteMax: Schema.optionalKey(Schema.Int),
    at,
  },
  TestBegun: { by: Schema.String, caller: Schema.optionalKey(CallerSchema), at },
  TestEnded: {
    n: Schema.Int,
    status: DeliveryStatus,
    what: Schema.String,
    detail: Schema.optionalKey(Schema.String),
    traceId: Schema.String,
    at,
  },
  IndexBegun: {},
  Indexed: { revision: Schema.Int },
  /** It could not be reached; the pause after that is over. */
  IndexEnded: {},
}
export type Event = Tagged<typeof events>
