/** Bounded texts and names that several contracts share. */
import * as Schema from "effect/Schema"

/** An actor's key as people choose it: an agent, a session, a rule, a plan, a lock. */
export const Id = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/))

/** Milliseconds since the epoch. */
export const Time = Schema.Finite

export const textOf = (charactersMax: number) => Schema.String.check(Schema.isMaxLength(charactersMax))
export const countOf = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
