/**
 * The way in for clients of the Model Context Protocol: from which pages they may call, and what a message is, is checked
 * here. There is no stream without a request, and no session to end: `GET` and `DELETE` are 405, as the protocol has it.
 */
import { mcpEndpoints } from "../../schemas/index.ts"
import { jsonText } from "../answers.ts"
import { GatewayError } from "../errors.ts"
import { type JsonObject, readBodyText } from "../http/body.ts"
import { checkContent, isNestedDeeper } from "../http/json-content.ts"
import { JsonRpcFailure, jsonRpcCodes } from "../json-rpc-failure.ts"
import { isOwnOrigin } from "../own-origin.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { cancelCall } from "./cancel.ts"
import { answerMessage } from "./server.ts"

const invalidRequest = (details: string) =>
  new JsonRpcFailure(jsonRpcCodes.invalidRequest, "Invalid Request", { details })

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new JsonRpcFailure(jsonRpcCodes.parseError, "Parse error")
  }
}

/** One message. Batches left the protocol with its revision 2025-06-18. */
const messageOf = (text: string, depthMax: number): JsonObject => {
  if (isNestedDeeper(text, depthMax)) throw invalidRequest("it is nested too deep")
  const message = parse(text)
  if (Array.isArray(message)) throw invalidRequest("send one message at a time")
  if (typeof message !== "object" || message === null) throw invalidRequest("a message is a JSON object")
  const { jsonrpc, method, id, params } = message as JsonObject
  if (jsonrpc !== "2.0") throw invalidRequest('jsonrpc has to be "2.0"')
  const isResponse = method === undefined && id !== undefined && ("result" in message || "error" in message)
  if (!isResponse && typeof method !== "string") throw invalidRequest("method has to be a text")
  if (id !== undefined && typeof id !== "string" && !Number.isInteger(id))
    throw invalidRequest("id has to be a text or a whole number")
  if (params !== undefined && (typeof params !== "object" || params === null || Array.isArray(params)))
    throw invalidRequest("params have to be an object")
  checkContent(message, depthMax)
  return message as JsonObject
}

const refusal = (request: GatewayRequest, failure: unknown): Response => {
  if (!(failure instanceof JsonRpcFailure)) throw failure
  const { code, message, data } = failure
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  return jsonText(request.context, 400, JSON.stringify({ jsonrpc: "2.0", id: null, error }))
}

export const mcpRoutes = (services: GatewayServices): ReadonlyArray<Route> => {
  const { bodyBytesMax, bodyDepthMax } = services.limits
  return [
    route(services, mcpEndpoints.send, async (request) => {
      const { incoming } = request.http.env
      if (!isOwnOrigin(services, incoming.headers))
        throw new GatewayError(403, "GTW_ORIGIN_001", "Pages of this site may not call this.", {
          field: "Origin",
          remedy: "list the site in CORS_ORIGINS",
        })
      const text = await readBodyText(incoming, bodyBytesMax)
      let message: JsonObject
      try {
        message = messageOf(text, bodyDepthMax)
      } catch (failure) {
        return refusal(request, failure)
      }
      if (message.method === "notifications/cancelled") await cancelCall(services, request, message.params)
      return answerMessage(services, request, message)
    }),
  ]
}
