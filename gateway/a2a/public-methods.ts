/** One call of the public protocol over JSON-RPC, in either version. */

import { isLegacyJsonRpcMethod, isV1JsonRpcMethod } from "@a2a-js/sdk/compat/v0_3"
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server"
import { A2AError } from "@a2a-js/sdk/errors"
import { JsonRpcTransportHandler, ServerCallContext } from "@a2a-js/sdk/server"
import { authorize } from "../auth/identity.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { a2aErrorOf } from "./failure.ts"
import { TaskHandler } from "./task-handler.ts"
import { namedVersion, type Version } from "./versions.ts"

export interface RpcCall {
  readonly method: string
  readonly params?: unknown
  /** Undefined for a notification. */
  readonly id: string | number | null | undefined
}

const streaming = new Set(["SendStreamingMessage", "SubscribeToTask", "message/stream", "tasks/resubscribe"])
export const isStreaming = (method: string): boolean => streaming.has(method)

export const isPublicMethod = (method: string): boolean =>
  isV1JsonRpcMethod(method) || isLegacyJsonRpcMethod(method)

/** No method has the same name in both, so that who names no version is understood all the same. */
const versionOf = (request: GatewayRequest, method: string): Version =>
  namedVersion(request) ?? (isLegacyJsonRpcMethod(method) ? "0.3" : "1.0")

export const publicErrorOf = (failure: unknown, version: Version) =>
  version === "1.0"
    ? JsonRpcTransportHandler.mapToJSONRPCError(a2aErrorOf(failure))
    : LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(a2aErrorOf(failure))

export type PublicAnswer =
  | { readonly version: Version; readonly answer: unknown }
  | { readonly version: Version; readonly events: AsyncGenerator<unknown, void, undefined> }

/** `agent`: undefined at the address of the default one. The answer is a whole response of JSON-RPC, or several. */
export const callPublicMethod = async (
  services: GatewayServices,
  request: GatewayRequest,
  { agent, abort }: { readonly agent: string | undefined; readonly abort: AbortController },
  { method, params, id = null }: RpcCall,
): Promise<PublicAnswer> => {
  const envelope = { jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) }
  let version: Version = isLegacyJsonRpcMethod(method) ? "0.3" : "1.0"
  try {
    version = versionOf(request, method)
    authorize(request.identity, "agent:execute")
    const handler = new TaskHandler(services, request, { agent, version }, abort.signal)
    const context = new ServerCallContext({ requestedVersion: version })
    const transport =
      version === "1.0" ? new JsonRpcTransportHandler(handler) : new LegacyJsonRpcTransportHandler(handler)
    const answer: unknown = await transport.handle(envelope, context)
    return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer
      ? { version, events: answer as AsyncGenerator<unknown, void, undefined> }
      : { version, answer }
  } catch (failure) {
    const error = publicErrorOf(failure instanceof A2AError ? failure : a2aErrorOf(failure), version)
    return { version, answer: { jsonrpc: "2.0", id, error } }
  }
}
