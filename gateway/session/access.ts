/** Who may use a session: its owner. Checked at every use; an owner never changes, so that the answer is kept. */
import * as Effect from "effect/Effect"
import type { EngineError, Rejected } from "../../engine/index.ts"
import { ChatSessionProtocol, type SessionView } from "../../schemas/index.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"

const ownersMax = 50_000

/** Owners by tenant and session; the oldest leave first. */
const owners = new WeakMap<GatewayServices, Map<string, string>>()

const remember = (services: GatewayServices, key: string, owner: string): void => {
  let known = owners.get(services)
  if (known === undefined) {
    known = new Map()
    owners.set(services, known)
  }
  if (known.size >= ownersMax) known.delete(known.keys().next().value!)
  known.set(key, owner)
}

const requireOwner = (owner: string, identity: Identity): void => {
  if (owner !== identity.user)
    throw new GatewayError(403, "CHT_AUTH_001", "This session belongs to somebody else.")
}

/** The session as its owner sees it. */
export const readSession = Effect.fn("gateway.readSession")(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
  page: { readonly after?: number; readonly limit?: number } = {},
): Effect.fn.Return<SessionView, EngineError | Rejected | GatewayError> {
  const options = { tenant: identity.tenant, principal: identity.user }
  const view = yield* services.engine.ask(ChatSessionProtocol, session, { _tag: "Read", ...page }, options)
  remember(services, `${identity.tenant}/${session}`, view.owner)
  yield* Effect.try({
    try: () => requireOwner(view.owner, identity),
    catch: (failure) => failure as GatewayError,
  })
  return view
})

/** Fails unless the session exists and is this user's. */
export const checkAccess = Effect.fnUntraced(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
): Effect.fn.Return<void, EngineError | Rejected | GatewayError> {
  const owner = owners.get(services)?.get(`${identity.tenant}/${session}`)
  if (owner === undefined) return void (yield* readSession(services, identity, session))
  yield* Effect.try({
    try: () => requireOwner(owner, identity),
    catch: (failure) => failure as GatewayError,
  })
})
