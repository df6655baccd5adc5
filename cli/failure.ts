/** Why a command could not do what it was asked: one line for a person, and an exit code other than 0. */
import * as Schema from "effect/Schema"

export class Failure extends Schema.TaggedError<Failure>()("Failure", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}
