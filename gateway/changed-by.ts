/** Who asks for a change in a request, as the audit log records it. */
import type { ChangedBy } from "../resources/index.ts"
import type { GatewayRequest } from "./route.ts"

/** The trace is read when the change is recorded: inside `runTraced` the request has its own by then. */
export const changedBy = (request: GatewayRequest): ChangedBy => ({
  tenant: request.identity.tenant,
  user: request.identity.user,
  requestId: request.context.requestId,
  get traceId() {
    return request.context.traceId
  },
  permissions: request.identity.permissions,
  address: request.http.env.incoming.socket.remoteAddress,
})
