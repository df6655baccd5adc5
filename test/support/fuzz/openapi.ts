/** An OpenAPI 3.1 document as the fuzz test reads it: its operations, and whether a value fits one of its schemas. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required: boolean
  readonly schema: JsonSchema
}

interface Described {
  readonly operationId: string
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>
  }
  readonly responses: Readonly<Record<string, ResponseOf>>
  readonly "x-millrace-permission": string
  readonly "x-millrace-protocol"?: string
}

export interface ResponseOf {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

export interface Operation {
  readonly id: string
  readonly method: string
  /** With `{name}` for each parameter. */
  readonly path: string
  readonly permission: string
  /** Whose shapes its answers have, where they are not this API's own. */
  readonly protocol: string | undefined
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: JsonSchema | undefined
  /** Of the body. */
  readonly example: unknown
  readonly responses: Readonly<Record<string, ResponseOf>>
}

/** What paths of one area have in common: `/api/locks` of `/api/locks/{name}/acquire`. */
export const areaOf = (path: string): string => path.split("/{")[0]!.replace(/\/$/, "")

export const operationsOf = ({ paths }: OpenApi): ReadonlyArray<Operation> =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      id: described.operationId,
      method: method.toUpperCase(),
      path,
      permission: described["x-millrace-permission"],
      protocol: described["x-millrace-protocol"],
      parameters: described.parameters ?? [],
      body: described.requestBody?.content["application/json"]?.schema,
      example: described.requestBody?.content["application/json"]?.example,
      responses: described.responses,
    })),
  )

export interface Validator {
  /** What does not fit; undefined when all does. */
  readonly problem: (schema: JsonSchema, value: unknown) => string | undefined
}

/** References inside the document are resolved as the document's own. */
export const validatorOf = (document: OpenApi): Validator => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false })
  ajv.addSchema({ $id: "openapi:", components: document.components })
  const compiled = new Map<JsonSchema, ValidateFunction>()
  const absolute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(absolute)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [
        name,
        name === "$ref" && typeof part === "string" ? part.replace(/^#/, "openapi:#") : absolute(part),
      ]),
    )
  }
  return {
    problem: (schema, value) => {
      let validate = compiled.get(schema)
      if (validate === undefined) {
        validate = ajv.compile(absolute(schema) as JsonSchema)
        compiled.set(schema, validate)
      }
      return validate(value) ? undefined : ajv.errorsText(validate.errors)
    },
  }
}
