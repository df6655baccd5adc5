/**
 * What can go wrong between a caller and an actor, in four kinds that are never mixed: `rejection` (the domain said
 * no), `retryable`, `terminal` (the same call can never succeed) and `defect` (a bug). The codes are part of the API.
 */
import * as Schema from "effect/Schema"

export const ErrorKind = Schema.Literals(["rejection", "retryable", "terminal", "defect"])
export type ErrorKind = typeof ErrorKind.Type

export const EngineErrorCode = Schema.Literals([
  "UnknownKind",
  "UnknownCommand",
  "UnknownVersion",
  "MalformedAddress",
  "MalformedCommand",
  "MalformedEnvelope",
  "PayloadTooLarge",
  "RecordTooLarge",
  "TooManyTimers",
  "MailboxFull",
  "Overloaded",
  "Unavailable",
  "AcceptanceUnknown",
  "ReplyTimeout",
  "Draining",
  "ActorFailed",
  "PartitionHalted",
])
export type EngineErrorCode = typeof EngineErrorCode.Type

const kinds: Record<EngineErrorCode, ErrorKind> = {
  UnknownKind: "terminal",
  UnknownCommand: "terminal",
  UnknownVersion: "terminal",
  MalformedAddress: "terminal",
  MalformedCommand: "terminal",
  MalformedEnvelope: "terminal",
  PayloadTooLarge: "terminal",
  RecordTooLarge: "terminal",
  TooManyTimers: "terminal",
  MailboxFull: "retryable",
  Overloaded: "retryable",
  Unavailable: "retryable",
  AcceptanceUnknown: "retryable",
  ReplyTimeout: "retryable",
  Draining: "retryable",
  ActorFailed: "defect",
  PartitionHalted: "defect",
}

/** A call that the engine could not carry out. `accepted` says whether the command is durably stored all the same. */
export class EngineError extends Schema.TaggedError<EngineError>()("EngineError", {
  code: EngineErrorCode,
  detail: Schema.String,
  accepted: Schema.optionalKey(Schema.Boolean),
  retryAfterMs: Schema.optionalKey(Schema.Number),
  limit: Schema.optionalKey(Schema.String),
}) {
  get kind(): ErrorKind {
    return kinds[this.code]
  }
  override get message(): string {
    return `${this.code}: ${this.detail}`
  }
}

/** The actor said no: `rejection` is one of the kind's declared rejections. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  to: Schema.String,
  rejection: Schema.Any,
}) {
  override get message(): string {
    return `${this.to} rejected the command: ${JSON.stringify(this.rejection)}`
  }
}

/** A port could not be reached; the operation may or may not have happened. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  port: Schema.String,
  detail: Schema.String,
}) {}

/** The log's bound is reached; nothing was stored. */
export class LogFull extends Schema.TaggedError<LogFull>()("LogFull", {
  port: Schema.String,
  detail: Schema.String,
  /** It is the message that is too large: sending it again later is of no use. */
  tooLarge: Schema.optionalKey(Schema.Boolean),
}) {}

/** A compare-and-set found another value than expected; nothing was stored. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", {
  port: Schema.String,
  expected: Schema.Number,
}) {}

/** Somebody else appended to this partition's journal: this node is not its owner any more. */
export class OwnershipLost extends Schema.TaggedError<OwnershipLost>()("OwnershipLost", {
  partition: Schema.Number,
  detail: Schema.String,
}) {}

/** A stored record cannot be read. The partition stops at it and never skips it. */
export class CorruptRecord extends Schema.TaggedError<CorruptRecord>()("CorruptRecord", {
  partition: Schema.Number,
  sequence: Schema.Number,
  detail: Schema.String,
}) {
  override get message(): string {
    return `partition ${this.partition} stopped at journal sequence ${this.sequence}: ${this.detail}`
  }
}
