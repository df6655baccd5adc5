/**
 * What no field of a body may hold, whatever its schema says: text that is none (Postgres stores no NUL, and half a
 * surrogate pair is no character), nesting that costs more than it says, and a name that changes what objects are.
 */
import { GatewayError } from "../errors.ts"

/** Where a value stands; walked upwards only when something is wrong with it. */
interface Place {
  readonly name: string
  readonly above: Place | undefined
}

const pathOf = (place: Place | undefined): string =>
  place === undefined ? "" : place.above === undefined ? place.name : `${pathOf(place.above)}.${place.name}`

const refused = (place: Place | undefined, reason: string) => {
  const field = pathOf(place) || "(body)"
  return new GatewayError(400, "GTW_BODY_006", `Invalid: ${field}.`, {
    field,
    reason,
    remedy: "correct the named field",
  })
}

/** Undefined for text that can be kept. */
export const textProblem = (text: string): string | undefined =>
  text.includes("\u0000")
    ? "it holds a NUL character"
    : text.isWellFormed()
      ? undefined
      : "it holds half a surrogate pair"

const checkText = (text: string, place: Place | undefined): void => {
  const problem = textProblem(text)
  if (problem !== undefined) throw refused(place, problem)
}

const check = (value: object, deeper: number, above: Place | undefined): void => {
  for (const [name, item] of Object.entries(value)) {
    const place = { name, above }
    if (name === "__proto__") throw refused(above, "no field may be called __proto__")
    checkText(name, above)
    if (typeof item === "string") checkText(item, place)
    if (typeof item !== "object" || item === null) continue
    if (deeper === 0) throw refused(undefined, "it is nested too deep")
    check(item, deeper - 1, place)
  }
}

/** Errors: 400 `GTW_BODY_006`, with the first field that does not fit. */
export const checkContent = (body: object, depthMax: number): void => check(body, depthMax - 1, undefined)
