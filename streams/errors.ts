/** What can keep a deployment from starting. Everything later is one of the engine's port errors. */
import * as Schema from "effect/Schema"

/** The server can not be reached, or refuses the credentials. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", {
  servers: Schema.Array(Schema.String),
  detail: Schema.String,
}) {
  override get message(): string {
    return `cannot connect to NATS at ${this.servers.join(", ")}: ${this.detail}`
  }
}

/** The server answers, but JetStream is off for it or for this account. */
export class JetStreamDisabled extends Schema.TaggedError<JetStreamDisabled>()("JetStreamDisabled", {
  servers: Schema.Array(Schema.String),
  detail: Schema.String,
}) {
  override get message(): string {
    return `JetStream is not usable at ${this.servers.join(", ")}: ${this.detail}; start nats-server with --jetstream`
  }
}

/** The server is too old for what the configuration asks. */
export class UnsupportedByServer extends Schema.TaggedError<UnsupportedByServer>()("UnsupportedByServer", {
  feature: Schema.String,
  serverVersion: Schema.String,
  neededVersion: Schema.String,
  reason: Schema.String,
}) {
  override get message(): string {
    return `${this.feature} needs nats-server ${this.neededVersion}, this is ${this.serverVersion}: ${this.reason}`
  }
}

/** A stream exists with a setting that can not be changed, or that the server refuses to change. */
export class TopologyMismatch extends Schema.TaggedError<TopologyMismatch>()("TopologyMismatch", {
  stream: Schema.String,
  field: Schema.String,
  wanted: Schema.String,
  found: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `stream ${this.stream}: ${this.field} should be ${this.wanted} but is ${this.found}: ${this.detail}`
  }
}

/** Actors are bound to partitions by hash: the number chosen when the deployment was created holds for ever. */
export class PartitionCountChanged extends Schema.TaggedError<PartitionCountChanged>()(
  "PartitionCountChanged",
  { namespace: Schema.String, configured: Schema.Number, deployed: Schema.Number },
) {
  override get message(): string {
    return `deployment ${this.namespace} has ${this.deployed} partitions, the configuration says ${this.configured}`
  }
}

/** The configuration contradicts itself. */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  field: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `streams configuration: ${this.field}: ${this.detail}`
  }
}

/** JetStream's API said no. `errorCode` is the server's err_code, 0 when there was no answer at all. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  subject: Schema.String,
  code: Schema.Number,
  errorCode: Schema.Number,
  detail: Schema.String,
}) {
  override get message(): string {
    return `${this.subject}: ${this.detail} (${this.errorCode})`
  }
}

export type StreamsError =
  | ConnectFailed
  | JetStreamDisabled
  | UnsupportedByServer
  | TopologyMismatch
  | PartitionCountChanged
  | InvalidConfig
