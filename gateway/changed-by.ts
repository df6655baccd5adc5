/** Who asks for a change in a request, as the audit log records it. */
import type { ChangedBy } from "../resources/index.ts"
import { clientAddress, noTrustedProxies } from "./client-address.ts"
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
  /** Read only by what changes something. */
  get address() {
    return clientAddress(request.http.env.incoming, request.proxies ?? noTrustedProxies) || undefined
  },
})
