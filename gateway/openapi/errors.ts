/** How errors are described: the two shapes that they have, and the codes that there are. */
import { gatewayErrors } from "../error-codes.ts"
import { errorRows } from "../errors.ts"
import type { Json } from "./json-schemas.ts"

const text = { type: "string" }

/** Codes that are part of the API are listed; a node of a later version may have more, of the same form. */
const errorCode = (codes: ReadonlyArray<string>): Json => ({
  anyOf: [
    { type: "string", enum: [...new Set(codes)].sort() },
    { type: "string", pattern: "^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$" },
  ],
  description: "SERVICE_CATEGORY_NUMBER",
})

const details = {
  type: "object",
  description: "What the error is about: the field, the reason, the remedy, the limit.",
  additionalProperties: true,
}

const object = (properties: Json): Json => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
})

const timestamp = { type: "string", format: "date-time" }

/** `declared`: the codes that contracts name. */
export const errorSchemas = (declared: ReadonlyArray<string>): Json => ({
  ErrorCode: errorCode([...declared, ...errorRows.keys(), ...Object.keys(gatewayErrors)]),
  Error: object({
    error: object({
      code: { $ref: "#/components/schemas/ErrorCode" },
      message: text,
      details,
      timestamp,
      trace_id: text,
    }),
  }),
  EnvelopedError: object({
    success: { const: false },
    data: { type: "null" },
    error: text,
    error_code: { $ref: "#/components/schemas/ErrorCode" },
    details,
    request_id: text,
    trace_id: text,
    timestamp,
  }),
  OpenaiError: object({
    error: object({
      message: text,
      type: text,
      param: { type: ["string", "null"] },
      code: { $ref: "#/components/schemas/ErrorCode" },
    }),
  }),
})

/** What each code of an operation means, by the status that it comes with; codes of no table are left to `default`. */
export const statusesOf = (codes: ReadonlyArray<string>): ReadonlyMap<number, string> => {
  const byStatus = new Map<number, string>()
  for (const code of codes) {
    const row = errorRows.get(code) ?? gatewayErrors[code]
    if (row === undefined) continue
    const [status, meaning] = row
    const before = byStatus.get(status)
    byStatus.set(status, `${before === undefined ? "" : `${before} `}\`${code}\`: ${meaning}`)
  }
  return byStatus
}
