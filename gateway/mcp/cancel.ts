/** Ends the call that a client cancels, wherever it runs. */

import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { callIdOf } from "./call-id.ts"

export const cancelCall = async (_services: GatewayServices, request: GatewayRequest, params: unknown) => {
  const { requestId } = (params ?? {}) as { readonly requestId?: unknown }
  callIdOf(request, requestId)
}
