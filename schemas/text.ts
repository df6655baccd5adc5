/** Bounded texts and names that several contracts share. A pattern is told in the API's description only with the flag `u`. */
import * as Schema from "effect/Schema"

/** An actor's key as people choose it: an agent, a session, a rule, a plan, a lock. */
export const Id = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/u))

/** Milliseconds since the epoch. */
export const Time = Schema.Finite

export const textOf = (charactersMax: number) => Schema.String.check(Schema.isMaxLength(charactersMax))
export const countOf = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Text that goes into rows: Postgres stores neither a zero character nor half of a surrogate pair, which tests would make up. */
export const storableTextOf = (charactersMax: number) =>
  textOf(charactersMax).check(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
    Schema.isPattern(/^[^\u0000\p{Cs}]*$/u, {
      arbitraryConstraint: { patterns: [{ source: "^[\\n -~À-ÿ가-힣]*$", flags: "u" }] },
    }),
  )

/** A name for people, on one line, that is not only spaces. A look-ahead makes none up for tests: a plainer pattern does. */
export const nameOf = (charactersMax: number) =>
  textOf(charactersMax).check(
    Schema.isPattern(/^(?=.*\S)[^\p{Cc}\p{Cs}]+$/u, {
      arbitraryConstraint: { patterns: [{ source: "^[a-z가-힣 ]*[a-z]$", flags: "u" }] },
    }),
  )
