/**
 * What can go wrong between wanting a `nats-server` and having one that answers.
 * `code` is stable and part of the API; the fields are data, the message is for people.
 */
import * as Schema from "effect/Schema"

/** No way of getting the binary worked; `failures` has one line for each way that was tried. */
export class NatsServerUnavailable extends Schema.TaggedError<NatsServerUnavailable>()(
  "NatsServerUnavailable",
  { version: Schema.String, failures: Schema.Array(Schema.String) },
) {
  readonly code = "nats-server-unavailable"
  readonly kind = "terminal"
  override get message() {
    const tried = this.failures.map((failure) => `\n  - ${failure}`).join("")
    return (
      `No nats-server ${this.version} could be obtained. Install one (Debian and Ubuntu: apt-get install ` +
      `nats-server; macOS: brew install nats-server; with Go: go install ` +
      `github.com/nats-io/nats-server/v2@latest) or set NATS_URL to a running server. Tried:${tried}`
    )
  }
}

/** The binary was there, and no server that answers came of it. */
export class NatsServerStartFailed extends Schema.TaggedError<NatsServerStartFailed>()(
  "NatsServerStartFailed",
  { storeDir: Schema.String, reason: Schema.String },
) {
  readonly code = "nats-server-start-failed"
  readonly kind = "terminal"
  override get message() {
    return `nats-server on ${this.storeDir} did not start: ${this.reason}`
  }
}

/** Another launcher that is alive runs a server on this store; two servers on one store corrupt it. */
export class NatsStoreInUse extends Schema.TaggedError<NatsStoreInUse>()("NatsStoreInUse", {
  storeDir: Schema.String,
  launcherPid: Schema.Int,
}) {
  readonly code = "nats-store-in-use"
  readonly kind = "terminal"
  override get message() {
    return `${this.storeDir} is in use by process ${this.launcherPid}: stop that one, or use another directory`
  }
}

/** Replicas were asked of a server on which they lose the single winner of a compare-and-set. */
export class NatsClusterRefused extends Schema.TaggedError<NatsClusterRefused>()("NatsClusterRefused", {
  version: Schema.String,
  replicasFrom: Schema.String,
}) {
  readonly code = "nats-cluster-refused"
  readonly kind = "terminal"
  override get message() {
    return (
      `nats-server ${this.version} is refused for a cluster: before ${this.replicasFrom} a compare-and-set on a ` +
      `replicated stream or bucket lets several writers win (nats-server issue 4320), which would fork journals`
    )
  }
}
