/**
 * Fills values into a JSON template: `{{name}}` within a text becomes the value as text, a text that is nothing but one
 * placeholder becomes the value itself. What is filled in is data: placeholders in it stay as they are. Pure.
 */
import * as Effect from "effect/Effect"
import { RemoteFailure } from "./remote/failure.ts"

export const templateLimits = {
  depthMax: 16,
  /** Texts, numbers, lists and objects in the template. */
  partsMax: 1_000,
  /** Characters of the texts in what is sent. */
  charactersMax: 1_000_000,
} as const

export type Values = Readonly<
  Record<"question" | "session_id" | "user_id" | "history" | "parameters", unknown>
>

const names = "question|session_id|user_id|history|parameters"
const whole = new RegExp(`^\\{\\{\\s*(${names})\\s*\\}\\}$`, "u")
const within = new RegExp(`\\{\\{\\s*(${names})\\s*\\}\\}`, "gu")

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

/** Why it is never filled in, whatever the question; undefined for all others. */
export const templateTrouble = (template: unknown): string | undefined => {
  let parts = 0
  const look = (one: unknown, depth: number): string | undefined => {
    parts += 1
    if (parts > templateLimits.partsMax) return `has more than ${templateLimits.partsMax} parts`
    if (depth > templateLimits.depthMax) return `is nested more than ${templateLimits.depthMax} deep`
    if (typeof one !== "object" || one === null) return undefined
    for (const inner of Object.values(one)) {
      const trouble = look(inner, depth + 1)
      if (trouble !== undefined) return trouble
    }
    return undefined
  }
  return look(template, 0)
}

const tooLarge = (what: string) =>
  new RemoteFailure("AgentSettingsInvalid", `"connection.request" ${what}; make the template smaller`)

/** Errors: a template beyond its bounds. */
export const filledIn = (template: unknown, values: Values): Effect.Effect<unknown, RemoteFailure> => {
  let characters = 0
  const text = (one: string): unknown => {
    const name = whole.exec(one)?.[1]
    const filled =
      name === undefined
        ? one.replace(within, (_, inner: keyof Values) => asText(values[inner]))
        : values[name as keyof Values]
    characters += asText(filled).length
    if (characters > templateLimits.charactersMax)
      throw tooLarge(`gives more than ${templateLimits.charactersMax} characters`)
    return filled
  }
  const fill = (one: unknown): unknown => {
    if (typeof one === "string") return text(one)
    if (Array.isArray(one)) return one.map(fill)
    if (typeof one !== "object" || one === null) return one
    // `fromEntries` makes own fields of all names, `__proto__` too.
    return Object.fromEntries(Object.entries(one).map(([name, inner]) => [name, fill(inner)]))
  }
  const trouble = templateTrouble(template)
  if (trouble !== undefined) return Effect.fail(tooLarge(trouble))
  return Effect.try({ try: () => fill(template), catch: (thrown) => thrown as RemoteFailure })
}
