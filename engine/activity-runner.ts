/**
 * Runs an activity beside the mailbox: one attempt after another by its policy, and brings the outcome back as an
 * input to its actor. A crash starts it again, so an implementation must bear being run more than once.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type { Address } from "./address.ts"
import type { CellActivity } from "./cell.ts"
import type { Outcome } from "./decision.ts"
import type { AnyKind } from "./define.ts"
import * as DeterministicRandom from "./deterministic-random.ts"
import { delayAfter } from "./retry.ts"

/** How an implementation says that an attempt failed, and whether another one may help. */
export class ActivityFailure extends Schema.TaggedError<ActivityFailure>()("ActivityFailure", {
  code: Schema.String,
  detail: Schema.String,
  retryable: Schema.Boolean,
  retryAfterMs: Schema.optionalKey(Schema.Number),
}) {}

/** What an implementation knows of its run. */
export interface ActivityRun<Progress = unknown> {
  readonly self: Address
  readonly id: string
  /** 1 for the first attempt since this node took the actor over. */
  readonly attempt: number
  /** It began before this node took the actor over: another run of it may have done anything. */
  readonly resumed: boolean
  /** Progress reports of earlier runs that are in the journal: how far a deterministic run may skip. */
  readonly progressed: number
  /** W3C traceparent of the entry that started it. */
  readonly trace: string
  /** Stable over attempts and crashes: the idempotency key for calls to other systems and actors. */
  readonly key: string
  /** Journals a report and waits until it is durable. */
  readonly emit: (value: Progress) => Effect.Effect<void>
}

export type ActivityImplementation = (
  input: unknown,
  run: ActivityRun,
) => Effect.Effect<unknown, ActivityFailure>

export const run = Effect.fnUntraced(function* (options: {
  readonly kind: AnyKind
  readonly self: Address
  readonly actor: string
  readonly pending: CellActivity & Pick<ActivityRun, "resumed">
  readonly implementation: ActivityImplementation | undefined
  readonly emit: (encoded: unknown) => Effect.Effect<void>
  /** Of an encoded output or report, which a journal record has to hold. */
  readonly bytesMax: number
}): Effect.fn.Return<Outcome<unknown>> {
  const { kind, pending, implementation } = options
  const codec = kind.codec.activity[pending.activity]
  const spec = kind.activities[pending.activity]
  if (codec === undefined || spec === undefined || implementation === undefined) {
    return failure(
      "NotImplemented",
      `this node has no activity "${pending.activity}" of "${kind.protocol.kind}"`,
    )
  }
  // Hashed: an actor's address may be as long as a key may be.
  const key = `activity-${DeterministicRandom.make(`${options.actor}#${pending.id}#${pending.trace}`).uuid()}`
  let progressed = pending.progressed
  const attemptOf = (attempt: number) =>
    Effect.suspend(() =>
      implementation(codec.input.decode(pending.input), {
        self: options.self,
        id: pending.id,
        attempt,
        resumed: pending.resumed,
        progressed,
        trace: pending.trace,
        key,
        emit: (value) =>
          Effect.suspend(() => options.emit(bounded(codec.progress.encode(value), options.bytesMax))).pipe(
            Effect.tap(() => {
              progressed += 1
              return Effect.void
            }),
          ),
      }),
    ).pipe(
      Effect.map(
        (output): Outcome<unknown> => ({
          _tag: "Success",
          output: bounded(codec.output.encode(output), options.bytesMax),
        }),
      ),
      Effect.timeoutOrElse({
        duration: spec.timeoutMs,
        orElse: () =>
          Effect.fail(
            new ActivityFailure({
              code: "Timeout",
              detail: `no result within ${spec.timeoutMs} ms`,
              retryable: true,
            }),
          ),
      }),
    )
  for (let attempt = 1; ; attempt++) {
    const exit = yield* Effect.exit(attemptOf(attempt))
    if (exit._tag === "Success") return exit.value
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    const thrown = Cause.squash(exit.cause)
    if (!(thrown instanceof ActivityFailure)) return failure("Defect", String(thrown))
    if (!thrown.retryable || attempt >= spec.retry.attemptsMax) return failure(thrown.code, thrown.detail)
    const jitter = yield* Random.next
    yield* Effect.sleep(Math.max(thrown.retryAfterMs ?? 0, delayAfter(spec.retry, attempt, jitter)))
  }
})

/** Throws, which ends the activity as a defect: no other attempt would be smaller. */
const bounded = (encoded: unknown, bytesMax: number): unknown => {
  const bytes = Buffer.byteLength(JSON.stringify(encoded) ?? "")
  if (bytes > bytesMax) throw new Error(`what it gave has ${bytes} bytes; an activity may give ${bytesMax}`)
  return encoded
}

const failure = (code: string, detail: string): Outcome<unknown> => ({
  _tag: "Failure",
  code,
  detail: detail.slice(0, 2_000),
})
