/**
 * Streams last longer than what they were let in by. While one is open its credential is checked again and again, as if
 * it asked anew: after a logout, a deactivation, a suspended tenant, a lost right or the token's time it ends within
 * seconds. Whoever still may comes back with another credential and resumes.
 */
import { authorize } from "./auth/identity.ts"
import { GatewayError, toGatewayError } from "./errors.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayServices } from "./services.ts"

/** How an open stream is ended. Each is called at most once. */
export interface StreamEnds {
  /** The node stops. */
  readonly stop: () => void
  /** Its client may not have it any more. */
  readonly refuse: (error: GatewayError) => void
}

/** Checks that run at once on a node: after one change to a tenant all its streams have to be checked. */
const checksMax = 32
let checking = 0

const check = async ({ credentials }: GatewayServices, { admission, identity }: GatewayRequest) => {
  if (admission === undefined) return
  const { credential, permission } = admission
  const now = credentials.known(credential) ?? (await credentials.verify(credential))
  authorize(now, permission)
  if (now.tenant !== identity.tenant || now.user !== identity.user)
    throw new GatewayError(401, "USR_AUTH_006", "The login is over; log in again.")
}

const notChecked = () =>
  new GatewayError(503, "GTW_STREAM_005", "Whether you may go on could not be found out; resume in a while.")

const isRefusal = ({ status }: GatewayError): boolean => status === 401 || status === 403

/** Calls `lost` once when the client may not go on; what cannot be checked is believed for `streamUncheckedMsMax`. */
const watch = (services: GatewayServices, request: GatewayRequest, lost: StreamEnds["refuse"]) => {
  const { streamCheckEveryMs, streamUncheckedMsMax } = services.limits
  let checkedAt = performance.now()
  let [underWay, isOver] = [false, false]
  const end = () => {
    isOver = true
    clearInterval(timer)
  }
  const failed = (failure: unknown) => {
    if (isOver) return
    const error = toGatewayError(failure)
    if (!isRefusal(error) && performance.now() - checkedAt < streamUncheckedMsMax) return
    end()
    lost(error)
  }
  const look = async () => {
    // Whose turn never comes is as little known as who could not be looked up.
    if (underWay || checking >= checksMax) return failed(notChecked())
    underWay = true
    checking += 1
    try {
      await check(services, request)
      checkedAt = performance.now()
    } catch (failure) {
      failed(failure)
    } finally {
      underWay = false
      checking -= 1
    }
  }
  const timer = setInterval(() => void look(), streamCheckEveryMs)
  return end
}

/** Puts a stream on the node's list and watches it; the answer takes it off. Throws 503 and 429 when there are too many. */
export const openStream = (
  services: GatewayServices,
  request: GatewayRequest,
  { stop, refuse }: StreamEnds,
): (() => void) => {
  const { tenant, user } = request.identity
  const remove = services.streams.add(stop, `${tenant}/${user}`)
  const unwatch = watch(services, request, refuse)
  return () => {
    unwatch()
    remove()
  }
}
