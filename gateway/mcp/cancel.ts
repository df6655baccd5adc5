/** Ends the call that a client cancels, wherever it runs: what the call is named by says which task it is. */
import * as Effect from "effect/Effect"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { cancelTask } from "../tasks/ask-agent.ts"
import { callIdOf } from "./call-id.ts"

/** Does nothing for a call that is over, or that is no agent's. */
export const cancelCall = async (
  services: GatewayServices,
  request: GatewayRequest,
  params: unknown,
): Promise<void> => {
  const { requestId } = (params ?? {}) as { readonly requestId?: unknown }
  const task = callIdOf(request, requestId)
  if (task !== undefined) await Effect.runPromise(cancelTask(services, request.identity.tenant, task))
}
