/** The description of the API in OpenAPI 3.1, derived from the contracts of the routes. Source: https://spec.openapis.org/oas/v3.1.1 */
import type { AnyEndpoint } from "../../schemas/index.ts"
import { permissions } from "../../schemas/index.ts"
import { errorSchemas, statusesOf } from "./errors.ts"
import { type Json, jsonSchemasOf, type OperationSchemas } from "./json-schemas.ts"

/** A colon within a segment, as in `message:send`, is no parameter. */
const pathOf = ({ path }: AnyEndpoint): string => path.replaceAll(/(?<=\/):(\w+)/g, "{$1}")

/** The part of the id before the last dot names the area. */
const tagOf = ({ id }: AnyEndpoint): string => id.split(".")[0]!

const parametersOf = (schema: Json, place: "path" | "query"): ReadonlyArray<Json> => {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Json>
    required?: ReadonlyArray<string>
  }
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: of,
  }))
}

const header = (name: string, description: string): Json => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string" },
})

const headersOf = ({ idempotent, media }: AnyEndpoint): ReadonlyArray<Json> => [
  ...(idempotent === true
    ? [header("Idempotency-Key", "The same key with the same request gives the first answer again.")]
    : []),
  ...(media === "text/event-stream"
    ? [header("Last-Event-ID", "The number of the last event that was seen: what came after it is sent.")]
    : []),
]

const pagination = {
  type: "object",
  properties: {
    page: { type: "integer" },
    per_page: { type: "integer" },
    total: { type: "integer" },
    total_pages: { type: "integer" },
    has_next: { type: "boolean" },
    has_prev: { type: "boolean" },
  },
  required: ["page", "per_page", "total", "total_pages", "has_next", "has_prev"],
  additionalProperties: false,
}

const enveloped = (data: Json): Json => ({
  type: "object",
  properties: {
    success: { const: true },
    data,
    message: { type: "string" },
    pagination: { $ref: "#/components/schemas/Pagination" },
    request_id: { type: "string" },
    timestamp: { type: "string", format: "date-time" },
  },
  required: ["success", "data", "request_id", "timestamp"],
  additionalProperties: false,
})

/** Of what another protocol describes. */
const foreign: Json = {}

const successContent = (
  { envelope, media, protocol, status }: AnyEndpoint,
  answer: Json | undefined,
): Json => {
  if (protocol !== undefined && answer === undefined && media === undefined && status !== 204)
    return { content: { "application/json": { schema: foreign } } }
  if (media !== undefined && media !== "websocket")
    return { content: { [media]: { schema: { type: "string" } } } }
  if (answer === undefined) return {}
  return { content: { "application/json": { schema: envelope === "v2" ? enveloped(answer) : answer } } }
}

const errorSchemaOf: Record<AnyEndpoint["envelope"], string> = {
  plain: "Error",
  v2: "EnvelopedError",
  openai: "OpenaiError",
}

const responsesOf = (endpoint: AnyEndpoint, answer: Json | undefined): Json => {
  const { envelope, media, otherStatuses = [], errors = [], protocol } = endpoint
  const own = { $ref: `#/components/schemas/${errorSchemaOf[envelope]}` }
  const schema = protocol === undefined ? own : { anyOf: [own, foreign] }
  const error = (description: string): Json => ({ description, content: { "application/json": { schema } } })
  const status = media === "websocket" ? 101 : endpoint.status
  const success = { description: endpoint.summary, ...successContent(endpoint, answer) }
  return {
    ...Object.fromEntries([...statusesOf(errors)].map(([code, meaning]) => [code, error(meaning)])),
    ...Object.fromEntries([status, ...otherStatuses].map((code) => [code, success])),
    default: error("Every other error, in the same shape."),
  }
}

const operationOf = (endpoint: AnyEndpoint, schemas: OperationSchemas): Json => {
  const { id, summary, permission, rate, errors, example, media, protocol } = endpoint
  const taken = schemas.body ?? (protocol !== undefined && example !== undefined ? foreign : undefined)
  const parameters = [
    ...parametersOf(schemas.params, "path"),
    ...parametersOf(schemas.query, "query"),
    ...headersOf(endpoint),
  ]
  const described = { schema: taken, ...(example === undefined ? {} : { example }) }
  const content = {
    "application/json": described,
    ...(endpoint.yaml === true ? { "application/yaml": described } : {}),
  }
  return {
    operationId: id,
    summary,
    tags: [tagOf(endpoint)],
    ...(parameters.length === 0 ? {} : { parameters }),
    // An absent body counts as `{}`: it is required only where a field is.
    ...(taken === undefined ? {} : { requestBody: { required: Array.isArray(taken.required), content } }),
    responses: responsesOf(endpoint, schemas.answer),
    security: permission === "public" ? [] : [{ bearer: [] }],
    "x-millrace-permission": permission,
    "x-millrace-rate": rate,
    ...(errors === undefined ? {} : { "x-millrace-errors": errors }),
    ...(protocol === undefined ? {} : { "x-millrace-protocol": protocol }),
    ...(media === "websocket" ? { "x-millrace-websocket": true } : {}),
  }
}

const pathsOf = (endpoints: ReadonlyArray<AnyEndpoint>, schemas: ReadonlyMap<string, OperationSchemas>) => {
  const paths: Record<string, Record<string, Json>> = {}
  for (const endpoint of endpoints) {
    paths[pathOf(endpoint)] ??= {}
    paths[pathOf(endpoint)]![endpoint.method.toLowerCase()] = operationOf(endpoint, schemas.get(endpoint.id)!)
  }
  return paths
}

/** Deterministic: the same contracts give the same text. */
export const describe = (endpoints: ReadonlyArray<AnyEndpoint>, version: string): Json => {
  const { schemas, components } = jsonSchemasOf(endpoints)
  const declared = endpoints.flatMap(({ errors = [] }) => errors)
  return {
    openapi: "3.1.0",
    info: {
      title: "Millrace",
      version,
      description: "Actors, agents, rules and models on streams. Every error has one shape and a trace id.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(endpoints.map(tagOf))].map((name) => ({ name })),
    paths: pathsOf(endpoints, schemas),
    components: {
      schemas: { ...components, ...errorSchemas(declared), Pagination: pagination },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An access token, or an API key ak_live_…." },
      },
    },
    "x-millrace-permissions": permissions,
  }
}
