/** Somebody who waits for an answer, as an actor keeps it in its journal. */
import * as Schema from "effect/Schema"

/** Shape: the engine's `Caller`. */
export const CallerSchema = Schema.Struct({
  node: Schema.String,
  ask: Schema.Int,
  key: Schema.optionalKey(Schema.String),
})
