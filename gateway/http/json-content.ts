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

export const tooDeep = () => refused(undefined, "it is nested too deep")

/** Shorter texts are parsed faster than they are looked at. */
const scannedCharactersMin = 16_384

const codes = { quote: 34, backslash: 92, list: 91, listEnd: 93, object: 123, objectEnd: 125 } as const

/** Looks at brackets outside of strings: to parse millions of them takes the better part of a second. */
export const isNestedDeeper = (text: string, depthMax: number): boolean => {
  if (text.length < scannedCharactersMin) return false
  let depth = 0
  let inText = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inText) {
      if (code === codes.backslash) index += 1
      else if (code === codes.quote) inText = false
    } else if (code === codes.quote) inText = true
    else if (code === codes.list || code === codes.object) {
      depth += 1
      if (depth > depthMax) return true
    } else if (code === codes.listEnd || code === codes.objectEnd) depth -= 1
  }
  return false
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
    if (deeper === 0) throw tooDeep()
    check(item, deeper - 1, place)
  }
}

/** Errors: 400 `GTW_BODY_006`, with the first field that does not fit. */
export const checkContent = (body: object, depthMax: number): void => check(body, depthMax - 1, undefined)
