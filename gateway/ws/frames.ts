/** What a client may send over a session's WebSocket, and how the gateway says that it cannot take it. */
import * as Schema from "effect/Schema"
import { Id, MessageContent } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { invalidFields } from "../http/body.ts"

const Frame = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("message"),
    content: MessageContent,
    message_id: Schema.optionalKey(Id),
    metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  }),
  /** Send again what came after event number `after`. */
  Schema.Struct({
    type: Schema.Literal("resume"),
    after: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  }),
  Schema.Struct({ type: Schema.Literal("stop"), turn: Schema.optionalKey(Schema.Int) }),
  Schema.Struct({ type: Schema.Literal("ping") }),
])
export type Frame = typeof Frame.Type

/** Codes of the errors that go over the socket. Part of the API. */
export const frameErrors = {
  connectionLost: "WS_ERROR_001",
  notJson: "WS_ERROR_002",
  badFrame: "WS_ERROR_003",
  refused: "WS_ERROR_004",
  unavailable: "WS_ERROR_005",
  eventsMissing: "WS_ERROR_006",
  notAllowed: "WS_ERROR_007",
} as const

const types = ["message", "resume", "stop", "ping"]
const decode = Schema.decodeUnknownSync(Frame, { onExcessProperty: "error", errors: "all" })

/** Throws a `GatewayError` whose code is one of `frameErrors`. */
export const decodeFrame = (data: unknown): Frame => {
  let value: unknown
  try {
    if (typeof data !== "string") throw new TypeError("a binary frame")
    value = JSON.parse(data)
  } catch {
    throw new GatewayError(400, frameErrors.notJson, "A frame has to be JSON text.")
  }
  const type =
    typeof value === "object" && value !== null ? (value as { readonly type?: unknown }).type : undefined
  if (!types.includes(type as string))
    throw new GatewayError(400, frameErrors.badFrame, "A frame has to have a known type.", {
      field: "type",
      reason: `one of ${types.join(", ")}`,
    })
  try {
    return decode(value)
  } catch (cause) {
    const { message, details } = invalidFields(cause)
    throw new GatewayError(400, frameErrors.badFrame, message, details)
  }
}
