/** What the methods `tools/list` and `tools/call` do, and how their failures are told. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { toGatewayError } from "../errors.ts"
import { bodyDecoder } from "../http/body.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"
import { logFailure } from "../request-log.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"
import type { ToolAnswer, ToolCall } from "./tool.ts"
import { findTool, listTools } from "./tools.ts"

const Meta = Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))

const decodeList = bodyDecoder(Schema.Struct({ cursor: Schema.optionalKey(Schema.String), _meta: Meta }))
const decodeCall = bodyDecoder(
  Schema.Struct({
    name: Schema.String,
    arguments: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
    _meta: Meta,
  }),
)

/** An error of the protocol: what was asked for cannot be tried. */
const failureOf = (services: GatewayServices, request: GatewayRequest, failure: unknown): JsonRpcFailure => {
  if (failure instanceof JsonRpcFailure) return failure
  logFailure(services, request, failure)
  const { status, code, message, details } = toGatewayError(failure)
  const rpc = status < 500 ? jsonRpcCodes.invalidParams : jsonRpcCodes.internalError
  return new JsonRpcFailure(rpc, message, { code, details })
}

const resultOf = ({ text, structured, isError = false }: ToolAnswer) => ({
  content: [{ type: "text" as const, text }],
  structuredContent: structured,
  ...(isError ? { isError } : {}),
})

/** That a tool failed is told to the model, which may do better the next time. */
const failedResult = (failure: unknown) => {
  const { code, message, details } = toGatewayError(failure)
  const text = `${message} ${JSON.stringify({ code, ...details })}`
  return { content: [{ type: "text" as const, text }], isError: true }
}

const listed = async (services: GatewayServices, request: GatewayRequest, params: unknown) => {
  const { cursor } = decodeList(params)
  return runTraced(services, request, "MCP tools/list", listTools(request.identity, cursor))
}

const called = async (
  services: GatewayServices,
  request: GatewayRequest,
  params: unknown,
  more: Pick<ToolCall, "id" | "progress">,
) => {
  const { name, arguments: given = {} } = decodeCall(params)
  const calling = Effect.gen(function* () {
    const tool = yield* findTool(request.identity, name)
    if (tool === undefined) throw new JsonRpcFailure(jsonRpcCodes.invalidParams, `Unknown tool: ${name}`)
    return yield* Effect.suspend(() => tool.run({ services, request, ...more }, given)).pipe(
      Effect.map(resultOf),
      Effect.catchCause((cause) => {
        const failure = Cause.squash(cause)
        logFailure(services, request, failure)
        return Effect.succeed(failedResult(failure))
      }),
    )
  })
  return runTraced(services, request, "MCP tools/call", calling)
}

/** Rejects with a `JsonRpcFailure`. */
export const answerMethod = async (
  services: GatewayServices,
  request: GatewayRequest,
  asked: { readonly method: string; readonly params?: unknown } & Pick<ToolCall, "id" | "progress">,
): Promise<object> => {
  const { method, params = {}, ...more } = asked
  try {
    if (method === "tools/list") return await listed(services, request, params)
    if (method === "tools/call") return await called(services, request, params, more)
  } catch (failure) {
    throw failureOf(services, request, failure)
  }
  throw new JsonRpcFailure(jsonRpcCodes.methodNotFound, "Method not found")
}
