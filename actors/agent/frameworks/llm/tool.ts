/** What a tool is: how a model is told of it, and what comes of calling it. Tools read; none of them changes anything. */
import type * as Effect from "effect/Effect"
import type { ActivityFailure } from "../../../../engine/index.ts"
import type { ChatRequest } from "../../../../resources/index.ts"
import type { HandoverTerms } from "../../../../schemas/index.ts"

/** All arguments are texts. */
export interface Argument {
  readonly description: string
  readonly charactersMax: number
  readonly oneOf?: ReadonlyArray<string>
  readonly isOptional?: boolean
}

export type ToolOutcome =
  | { readonly _tag: "Told"; readonly text: string; readonly plan?: string }
  | ({ readonly _tag: "HandOver"; readonly toAgent: string } & HandoverTerms)

export interface Tool {
  /** Such as every provider takes: letters, digits, `_` and `-`, at most 64. */
  readonly name: string
  readonly description: string
  readonly arguments: Readonly<Record<string, Argument>>
  /** What it fails with is told to the model, which may do without. */
  readonly run: (given: Readonly<Record<string, string>>) => Effect.Effect<ToolOutcome, ActivityFailure>
}

export const told = (text: string): ToolOutcome => ({ _tag: "Told", text })

const schemaOf = ({ description, charactersMax, oneOf }: Argument) => ({
  type: "string",
  description,
  ...(oneOf === undefined ? { maxLength: charactersMax } : { enum: oneOf }),
})

export const declarationOf = (tool: Tool): NonNullable<ChatRequest["tools"]>[number] => {
  const all = Object.entries(tool.arguments)
  const required = all.filter(([, { isOptional }]) => isOptional !== true).map(([name]) => name)
  return {
    type: "function",
    function: {
      name: tool.name,
      description: tool.description,
      parameters: {
        type: "object",
        properties: Object.fromEntries(all.map(([name, argument]) => [name, schemaOf(argument)])),
        required,
        additionalProperties: false,
      },
    },
  }
}

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json === "" ? "{}" : json)
  } catch {
    return undefined
  }
}

/** The arguments, bounded; or what is wrong with them, in words for the model. What is not declared is left out. */
export const argumentsOf = (tool: Tool, json: string): Readonly<Record<string, string>> | string => {
  const given = parsed(json)
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return "the arguments are no JSON object"
  const taken: Record<string, string> = {}
  for (const [name, { oneOf, isOptional, charactersMax }] of Object.entries(tool.arguments)) {
    const value = Object.hasOwn(given, name) ? (given as Record<string, unknown>)[name] : undefined
    if (value === undefined || value === null || value === "") {
      if (isOptional !== true) return `"${name}" is missing`
    } else if (typeof value !== "string") return `"${name}" has to be a text`
    else if (oneOf !== undefined && !oneOf.includes(value))
      return `"${name}" has to be one of ${oneOf.join(", ")}`
    else taken[name] = value.slice(0, charactersMax).toWellFormed()
  }
  return taken
}
