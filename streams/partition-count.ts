/**
 * The number of partitions is decided once, by the first node that ever starts, and kept in the journal stream:
 * actors are bound to partitions by hash, so another number would look for them in the wrong place.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Unavailable } from "../engine/index.ts"
import type { PublishFailure } from "./acknowledgement.ts"
import { jsonBytes } from "./api.ts"
import type { Resolved } from "./config.ts"
import type { NatsConnection } from "./connection.ts"
import { PartitionCountChanged } from "./errors.ts"
import { expectedLastSubjectSequence, headerBlock } from "./headers.ts"
import { type Latest, readLatest } from "./latest.ts"
import { subjects, type Topology } from "./topology.ts"

const Deployment = Schema.Struct({ format: Schema.Literal(1), partitions: Schema.Int })
const decodeDeployment = Schema.decodeUnknownEffect(Schema.fromJsonString(Deployment))

const unavailable = (detail: string) => new Unavailable({ port: "Deployment", detail })

/** Errors: `PartitionCountChanged` when the deployment was created with another number. */
export const fixPartitionCount = Effect.fn("streams.fixPartitionCount")(function* (
  nats: NatsConnection,
  config: Resolved,
  streams: Topology,
) {
  const { namespace, partitions } = config
  const subject = subjects(namespace).deployment
  const read = Effect.callback<Latest | undefined, Unavailable>((resume) =>
    readLatest(nats.requests, streams.journal, subject, (failure, latest) =>
      resume(failure === undefined ? Effect.succeed(latest) : Effect.fail(unavailable(failure))),
    ),
  )
  const record = jsonBytes({ format: 1, partitions } satisfies typeof Deployment.Type)
  const stored =
    (yield* read) ??
    (yield* nats.publisher.publishEffect(subject, record, headerBlock(expectedLastSubjectSequence(0))).pipe(
      Effect.catchIf(
        (failure: PublishFailure) => failure.kind === "conflict",
        () => Effect.void,
      ),
      Effect.mapError((failure) => unavailable(failure.detail)),
      Effect.andThen(read),
    ))
  const deployed = yield* decodeDeployment(new TextDecoder().decode(stored?.data)).pipe(
    Effect.mapError((error) => unavailable(`unreadable deployment record: ${error.message}`)),
  )
  if (deployed.partitions !== partitions)
    return yield* new PartitionCountChanged({
      namespace,
      configured: partitions,
      deployed: deployed.partitions,
    })
})
