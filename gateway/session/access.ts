/**
 * Who may use a session: its owner, who has to be allowed to use its agent when asking it something. Checked at every use;
 * an owner never changes, so that the answer is kept.
 */
import * as Effect from "effect/Effect"
import type { AgentIndex } from "../../actors/index.ts"
import type { EngineError, Rejected } from "../../engine/index.ts"
import { ChatSessionProtocol, type SessionView } from "../../schemas/index.ts"
import { usableAgentOf } from "../agent-access.ts"
import type { Identity } from "../auth/identity.ts"
import { GatewayError } from "../errors.ts"
import type { GatewayServices } from "../services.ts"

const keptMax = 50_000
/** The agent is looked at again when the answer begins: until then nobody waits longer to learn of a refusal early. */
const earlyRefusalMs = 1_000

/** `agent` may have changed since. */
type Known = Pick<SessionView, "owner" | "agent">
type SessionFailure = EngineError | Rejected | GatewayError

/** By tenant and session; the oldest leave first. */
const kept = new WeakMap<GatewayServices, Map<string, Known>>()

const remember = (services: GatewayServices, key: string, { owner, agent }: Known): void => {
  let known = kept.get(services)
  if (known === undefined) {
    known = new Map()
    kept.set(services, known)
  }
  if (known.size >= keptMax && !known.has(key)) known.delete(known.keys().next().value!)
  known.set(key, { owner, agent })
}

const requireOwner = (owner: string, identity: Identity): Effect.Effect<void, GatewayError> =>
  owner === identity.user
    ? Effect.void
    : Effect.fail(new GatewayError(403, "CHT_AUTH_001", "This session belongs to somebody else."))

/** Neither events nor messages. */
const headOnly = { after: Number.MAX_SAFE_INTEGER } as const

/** The session as its owner sees it; without a page nothing of what was said. */
export const readSession = Effect.fn("gateway.readSession")(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
  page: { readonly after?: number; readonly before?: number; readonly limit?: number } = headOnly,
): Effect.fn.Return<SessionView, SessionFailure> {
  const options = { tenant: identity.tenant, principal: identity.user }
  const view = yield* services.engine.ask(ChatSessionProtocol, session, { _tag: "Read", ...page }, options)
  remember(services, `${identity.tenant}/${session}`, view)
  yield* requireOwner(view.owner, identity)
  return view
})

const knownSession = (services: GatewayServices, { tenant }: Identity, session: string) =>
  kept.get(services)?.get(`${tenant}/${session}`)

/** Fails unless the session exists and is this user's. */
export const checkAccess = Effect.fnUntraced(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
): Effect.fn.Return<void, SessionFailure> {
  const known = knownSession(services, identity, session)
  if (known === undefined) return void (yield* readSession(services, identity, session))
  yield* requireOwner(known.owner, identity)
})

/** Refused early where that is known at once; a database that is away or late keeps nobody from asking. */
const refusedEarly = (identity: Identity, agent: string): Effect.Effect<void, GatewayError, AgentIndex> =>
  usableAgentOf(identity, agent).pipe(
    Effect.timeout(earlyRefusalMs),
    Effect.catchIf(
      (error) => !(error instanceof GatewayError),
      () => Effect.void,
    ),
    Effect.asVoid,
  ) as Effect.Effect<void, GatewayError, AgentIndex>

/** The same, and its agent is theirs to ask. Whether that still holds is checked again when the answer begins. */
export const checkMayAsk = Effect.fnUntraced(function* (
  services: GatewayServices,
  identity: Identity,
  session: string,
): Effect.fn.Return<void, SessionFailure, AgentIndex> {
  const known = knownSession(services, identity, session)
  if (known !== undefined) {
    yield* requireOwner(known.owner, identity)
    const early = yield* Effect.exit(refusedEarly(identity, known.agent))
    if (early._tag === "Success") return
  }
  // Another agent may have the session by now.
  const { agent } = yield* readSession(services, identity, session)
  yield* refusedEarly(identity, agent)
})
