/**
 * Streams last longer than what they were let in by. While one is open its credential is checked again and again, as if
 * it asked anew: after a logout, a deactivation, a suspended tenant, a lost right or the token's time it ends within
 * seconds. Whoever still may comes back with another credential and resumes.
 */
import type { RoutePermission } from "../schemas/index.ts"
import { authorize, type Identity } from "./auth/identity.ts"
import { GatewayError, toGatewayError } from "./errors.ts"
import { identifyWithin } from "./rate-limit.ts"
import type { GatewayRequest } from "./route.ts"
import type { GatewayServices } from "./services.ts"
import { sweep } from "./sweep.ts"

/** How an open stream is ended. Each is called at most once. */
export interface StreamEnds {
  /** The node stops. */
  readonly stop: () => void
  /** Its client may not have it any more. */
  readonly refuse: (error: GatewayError) => void
}

/** Checks that run at once on a node: after one change to a tenant all its streams have to be checked. */
const checksMax = 32
/** By credential, which many streams of one user have: they share a check. */
const checks = new WeakMap<GatewayServices, Map<string, Promise<Identity>>>()

/** Undefined when as many checks run as may. */
const checkOf = (services: GatewayServices, credential: string): Promise<Identity> | undefined => {
  const running = checks.get(services) ?? new Map<string, Promise<Identity>>()
  checks.set(services, running)
  const known = running.get(credential)
  if (known !== undefined || running.size >= checksMax) return known
  const check = services.credentials.verify(credential).finally(() => running.delete(credential))
  running.set(credential, check)
  return check
}

/** Throws unless whom a credential speaks for now may go on with the stream of this request. */
const admit = ({ admission, identity }: GatewayRequest, now: Identity): void => {
  if (admission !== undefined) authorize(now, admission.permission)
  if (now.tenant !== identity.tenant || now.user !== identity.user)
    throw new GatewayError(401, "USR_AUTH_006", "The login is over; log in again.")
}

const notChecked = () =>
  new GatewayError(503, "GTW_STREAM_005", "Whether you may go on could not be found out; resume in a while.")

const isRefusal = ({ status }: GatewayError): boolean => status === 401 || status === 403

/** Calls `lost` once when the client may not go on; what cannot be checked is believed for `streamUncheckedMsMax`. */
const watch = (services: GatewayServices, request: GatewayRequest, lost: StreamEnds["refuse"]) => {
  const { streamCheckEveryMs, streamUncheckedMsMax } = services.limits
  const { credentials } = services
  let checkedAt = performance.now()
  let [underWay, isOver] = [false, false]
  const end = () => {
    isOver = true
    unsweep()
  }
  const isLate = () => performance.now() - checkedAt >= streamUncheckedMsMax
  const failed = (failure: unknown) => {
    if (isOver) return
    const error = toGatewayError(failure)
    if (!isRefusal(error) && !isLate()) return
    end()
    lost(error)
  }
  const found = (now: Identity) => {
    try {
      admit(request, now)
      // What is asked for over the stream is allowed by the rights of now.
      request.identity = now
      checkedAt = performance.now()
    } catch (failure) {
      failed(failure)
    }
  }
  const verify = async (credential: string) => {
    const check = underWay ? undefined : checkOf(services, credential)
    // Whose turn never comes is as little known as who could not be looked up.
    if (check === undefined) return isLate() ? failed(notChecked()) : undefined
    underWay = true
    try {
      const now = await check
      // Renewed meanwhile: what was asked is not about it any more.
      if (credential === request.admission?.credential) found(now)
    } catch (failure) {
      if (credential === request.admission?.credential) failed(failure)
    } finally {
      underWay = false
    }
  }
  const unsweep = sweep(streamCheckEveryMs, () => {
    if (request.admission === undefined) return
    const { credential } = request.admission
    const known = credentials.known(credential)
    if (known !== undefined) found(known)
    else void verify(credential)
  })
  return end
}

/** A request whose route asks for a login only, for a stream that takes this right: without it the stream ends. */
export const admittedFor = (request: GatewayRequest, permission: RoutePermission): GatewayRequest =>
  request.admission === undefined ? request : { ...request, admission: { ...request.admission, permission } }

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

/**
 * From now on the stream of this request is checked by another credential of the same user.
 * Rejects with 401, 403 or 429, and the stream goes on with the one that it has.
 */
export const renewStream = async (
  services: GatewayServices,
  request: GatewayRequest,
  credential: string,
): Promise<Identity> => {
  const { credentials } = services
  const now =
    credentials.known(credential) ??
    (await identifyWithin(services, request, credentials.held?.(credential) === true, () =>
      credentials.verify(credential),
    ))
  admit(request, now)
  if (request.admission !== undefined) request.admission = { ...request.admission, credential }
  request.identity = now
  return now
}
