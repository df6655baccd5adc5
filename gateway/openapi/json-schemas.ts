/** The contracts' schemas as JSON Schema 2020-12, with what several of them share named once. */
import * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import type { AnyEndpoint, Fields, PlainCodec } from "../../schemas/index.ts"

export type Json = { readonly [name: string]: unknown }

/** What one operation's parts look like; a part that the contract has not is absent. */
export interface OperationSchemas {
  readonly params: Json
  readonly query: Json
  readonly body: Json | undefined
  readonly answer: Json | undefined
}

const astsOf = ({ params, query, body, answer }: AnyEndpoint) => {
  // A path and a query hold texts; what they are is told by what they decode to.
  const decoded = (fields: Fields) => Schema.toType(Schema.Struct(fields)).ast
  const encoded = (schema: PlainCodec) => Schema.toCodecJson(schema).ast
  return {
    params: decoded(params),
    query: decoded(query),
    ...(body === undefined ? {} : { body: encoded(body) }),
    ...(answer === undefined ? {} : { answer: encoded(answer) }),
  }
}

const isNumberOrItsName = ({ anyOf }: Json): boolean =>
  Array.isArray(anyOf) &&
  anyOf.length === 2 &&
  anyOf[0].type === "number" &&
  Array.isArray(anyOf[1].enum) &&
  anyOf[1].enum.includes("NaN")

/** JSON has no infinite numbers, and nothing here gives them by name. */
const plainNumbers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plainNumbers)
  if (typeof value !== "object" || value === null) return value
  const schema = value as Json
  if (isNumberOrItsName(schema)) return { type: "number" }
  return Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, plainNumbers(part)]))
}

/** Effect describes a struct without fields as anything but null; a body without fields takes none. */
const ofNothing = (schema: Json): Json =>
  JSON.stringify(schema) === '{"not":{"type":"null"}}'
    ? { type: "object", properties: {}, additionalProperties: false }
    : schema

/** Shape: `schemas` by the endpoint's id; `components` are what they refer to. */
export const jsonSchemasOf = (endpoints: ReadonlyArray<AnyEndpoint>) => {
  const parts = endpoints.flatMap((endpoint) =>
    Object.entries(astsOf(endpoint)).map(([part, ast]) => ({ id: endpoint.id, part, ast })),
  )
  const asts = parts.map(({ ast }) => ast) as [SchemaAST.AST, ...Array<SchemaAST.AST>]
  const document = JsonSchema.toMultiDocumentOpenApi3_1(
    SchemaRepresentation.toJsonSchemaMultiDocument(SchemaRepresentation.toRepresentations(asts), {
      onExcessProperty: "error",
    }),
  )
  const schemas = new Map<string, { [part: string]: Json }>(endpoints.map(({ id }) => [id, {}]))
  for (const [index, { id, part }] of parts.entries())
    schemas.get(id)![part] = ofNothing(plainNumbers(document.schemas[index]) as Json)
  return {
    schemas: schemas as ReadonlyMap<string, unknown> as ReadonlyMap<string, OperationSchemas>,
    components: plainNumbers(document.definitions) as Json,
  }
}
