/** What a client may send over a session's WebSocket, and how the gateway says that it cannot take it. */
import * as Schema from "effect/Schema"
import { chatEndpoints, Id, MessageContent } from "../../schemas/index.ts"
import { defaultGatewayLimits } from "../config.ts"
import { GatewayError } from "../errors.ts"
import { invalidFields } from "../http/body.ts"
import { checkContent, isNestedDeeper } from "../http/json-content.ts"

const frames = {
  message: Schema.Struct({
    type: Schema.Literal("message"),
    content: MessageContent,
    message_id: Schema.optionalKey(Id),
    metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  }),
  /** Send again what came after event number `after`. */
  resume: Schema.Struct({
    type: Schema.Literal("resume"),
    after: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  }),
  stop: Schema.Struct({ type: Schema.Literal("stop"), turn: Schema.optionalKey(Schema.Int) }),
  /** Give the conversation to another agent, between turns. */
  transfer: Schema.Struct({
    type: Schema.Literal("transfer"),
    ...chatEndpoints.transfer.body.fields,
  }),
  /** From now on the socket is checked by this credential: of the same user, before the one it has ends. */
  auth: Schema.Struct({
    type: Schema.Literal("auth"),
    token: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(8_192)),
  }),
  ping: Schema.Struct({ type: Schema.Literal("ping") }),
}

const Frame = Schema.Union([
  frames.message,
  frames.resume,
  frames.stop,
  frames.transfer,
  frames.auth,
  frames.ping,
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

const options = { onExcessProperty: "error", errors: "all" } as const
const decoders = {
  message: Schema.decodeUnknownSync(frames.message, options),
  resume: Schema.decodeUnknownSync(frames.resume, options),
  stop: Schema.decodeUnknownSync(frames.stop, options),
  transfer: Schema.decodeUnknownSync(frames.transfer, options),
  auth: Schema.decodeUnknownSync(frames.auth, options),
  ping: Schema.decodeUnknownSync(frames.ping, options),
} as const satisfies { [T in Frame["type"]]: (value: unknown) => Frame }
const types = Object.keys(decoders)

const isType = (type: unknown): type is Frame["type"] => types.includes(type as string)

const bad = (message: string, details?: GatewayError["details"]) =>
  new GatewayError(400, frameErrors.badFrame, message, details)

/** Throws a `GatewayError` whose code is one of `frameErrors`. */
export const decodeFrame = (data: unknown, depthMax = defaultGatewayLimits.bodyDepthMax): Frame => {
  if (typeof data !== "string")
    throw new GatewayError(400, frameErrors.notJson, "A frame has to be text, not bytes.")
  if (isNestedDeeper(data, depthMax))
    throw bad("The frame is nested too deep.", { limit: "bodyDepthMax", depth_max: depthMax })
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    throw new GatewayError(400, frameErrors.notJson, "A frame has to be JSON text.")
  }
  const frame = typeof value === "object" && value !== null ? (value as { readonly type?: unknown }) : {}
  const { type } = frame
  if (!isType(type))
    throw bad("A frame has to have a known type.", { field: "type", reason: `one of ${types.join(", ")}` })
  try {
    checkContent(frame, depthMax)
    return decoders[type](frame)
  } catch (cause) {
    if (cause instanceof GatewayError) throw bad(cause.message, cause.details)
    const { message, details } = invalidFields(cause)
    throw bad(message, details)
  }
}
