/** Reads a request's body within its limit and decodes it; what does not fit names the field and the remedy. */
import { isUtf8 } from "node:buffer"
import type { IncomingMessage } from "node:http"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isSchemaError } from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { PlainCodec } from "../../schemas/index.ts"
import { defaultGatewayLimits } from "../config.ts"
import { GatewayError } from "../errors.ts"
import { checkContent, isNestedDeeper, tooDeep } from "./json-content.ts"
import { unknownFieldsOf, withTellingFields } from "./member-issues.ts"

export type JsonObject = Readonly<Record<string, unknown>>

const tooLarge = (bytesMax: number) =>
  new GatewayError(413, "GTW_BODY_001", "The request's body is too large.", {
    limit: "bodyBytesMax",
    bytes_max: bytesMax,
  })

const requireJson = (request: IncomingMessage): void => {
  const { "content-type": type, "content-encoding": encoding } = request.headers
  if (encoding !== undefined && encoding !== "identity")
    throw new GatewayError(415, "GTW_BODY_002", "The body has to be sent uncompressed.", {
      content_encoding: encoding,
      remedy: "send it without a Content-Encoding",
    })
  if (type === undefined || /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) return
  throw new GatewayError(415, "GTW_BODY_002", "The body has to be JSON.", {
    content_type: type,
    remedy: "send Content-Type: application/json",
  })
}

const notJson = (reason: string) =>
  new GatewayError(400, "GTW_BODY_004", "The body is not valid JSON.", { reason })

/** The parser quotes what it could not read, which may be secret. */
const reasonOf = (message: string): string => message.replace(/,? ?\.{0,3}"[\s\S]*$/, "")

/** Whatever its type says. Stops reading as soon as the limit is passed, whatever the headers promised. */
export const readBodyBytes = (request: IncomingMessage, bytesMax: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"] ?? 0) > bytesMax) return reject(tooLarge(bytesMax))
    let pieces: Array<Buffer> | undefined
    let bytes = 0
    request.on("data", (piece: Buffer) => {
      bytes += piece.length
      if (bytes > bytesMax) {
        request.removeAllListeners("data")
        request.pause()
        return reject(tooLarge(bytesMax))
      }
      if (pieces === undefined) pieces = [piece]
      else pieces.push(piece)
    })
    request.once("end", () => {
      resolve(pieces?.length === 1 ? pieces[0]! : Buffer.concat(pieces ?? []))
    })
    const broken = () =>
      reject(new GatewayError(400, "GTW_BODY_003", "The body ended before it was complete."))
    request.once("error", broken)
    request.once("aborted", broken)
  })

export const readBodyText = async (request: IncomingMessage, bytesMax: number): Promise<string> => {
  const bytes = await readBodyBytes(request, bytesMax)
  if (!isUtf8(bytes)) throw notJson("it is not UTF-8")
  return bytes.toString("utf8")
}

/** The body as a JSON object; an empty one counts as `{}`. */
export const readObject = async (
  request: IncomingMessage,
  bytesMax: number,
  depthMax = defaultGatewayLimits.bodyDepthMax,
): Promise<JsonObject> => {
  requireJson(request)
  const text = await readBodyText(request, bytesMax)
  if (text === "") return {}
  if (isNestedDeeper(text, depthMax)) throw tooDeep()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw notJson(cause instanceof Error ? reasonOf(cause.message) : String(cause))
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    checkContent(value, depthMax)
    return value as JsonObject
  }
  throw new GatewayError(400, "GTW_BODY_005", "The body has to be a JSON object.")
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Tells which fields do not fit, and how. Values are left out: they may be secret. */
const generalRemedy = "correct the named field; fields that are not documented are refused"

export const invalidFields = (
  cause: unknown,
  code = "GTW_BODY_006",
  remedy = generalRemedy,
): GatewayError => {
  const issues = isSchemaError(cause) ? format(withTellingFields(cause.issue)).issues : []
  const unknown = isSchemaError(cause) ? unknownFieldsOf(cause.issue) : new Map()
  const fields = issues.map(({ path = [], message }) => {
    const field = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".") || "(body)"
    return /excess property/.test(message)
      ? { field, reason: "this field is not known here", ...unknown.get(field) }
      : { field, reason: message.replace(/, (?:got|actual) .*$/s, "") }
  })
  const [first] = fields
  return new GatewayError(
    400,
    code,
    first === undefined ? "The body is not valid." : `Invalid: ${first.field}.`,
    {
      ...first,
      ...(fields.length > 1 ? { others: fields.slice(1) } : {}),
      remedy,
    },
  )
}

/** Values of a body up to which all its problems are told; of a larger one only the first. */
const allProblemsValuesMax = 500

const hasFewValues = (body: unknown, max: number): boolean => {
  let left = max
  const count = (value: unknown): boolean => {
    if (--left < 0) return false
    if (typeof value !== "object" || value === null) return true
    for (const name in value) if (!count((value as Readonly<Record<string, unknown>>)[name])) return false
    return true
  }
  return count(body)
}

/** Effect takes anything for a struct without fields. */
const hasNoFields = (schema: PlainCodec): boolean =>
  "fields" in schema && Object.keys(schema.fields as object).length === 0

const requireEmpty = (body: unknown): void => {
  const [field] = Object.keys(body as object)
  if (field === undefined) return
  throw new GatewayError(400, "GTW_BODY_006", `Invalid: ${field}.`, {
    field,
    reason: "this field is not known here",
    remedy: "leave it out: nothing is taken here",
  })
}

/** Compiles a schema to a decoder of bodies that refuses unknown fields. */
export const bodyDecoder = <S extends PlainCodec>(
  schema: S,
  code?: string,
  remedy?: string,
): ((body: unknown) => S["Type"]) => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error", errors: "first" })
  const decodeAll = Schema.decodeUnknownResult(schema, { onExcessProperty: "error", errors: "all" })
  // A query is another matter: monitors add what they like to the address of a route that has none.
  const takesNothing = code === undefined && hasNoFields(schema)
  return (body) => {
    if (takesNothing) requireEmpty(body)
    const result = decode(body)
    if (Result.isSuccess(result)) return result.success
    // To find all that is wrong with a large body would hold up everybody else.
    const all = hasFewValues(body, allProblemsValuesMax) ? decodeAll(body) : result
    throw invalidFields(Result.isFailure(all) ? all.failure : result.failure, code, remedy)
  }
}
