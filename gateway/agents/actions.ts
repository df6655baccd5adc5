/** What a caller may do with agents: register, change, move, archive, check, ask. The right to it is checked here. */
import { createHash, randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import { AgentIndex, builtinAgents, isHeaderText, mayChangeAgent } from "../../actors/index.ts"
import type { EngineError, EngineShape, Rejected } from "../../engine/index.ts"
import type { Refused } from "../../resources/index.ts"
import {
  type AgentChange,
  AgentProtocol,
  type AgentRegistration,
  type AgentView,
  type Execution,
} from "../../schemas/index.ts"
import { agentCallerOf, changeableAgent, seenAgent, usableAgentOf } from "../agent-access.ts"
import { scopesOf } from "../auth/identity.ts"
import { changedBy } from "../changed-by.ts"
import { GatewayError, rejectionError } from "../errors.ts"
import type { GatewayRequest } from "../route.ts"
import { agentDetail } from "./bodies.ts"
import { requireRoom } from "./owned.ts"
import { changedSettings, descriptorOf } from "./settings.ts"

/** A change is answered once lists show it; a check when the agent answered; a task may take as long as a question to OPS. */
const changeMs = 20_000
const checkMs = 45_000
const executeMs = 60_000
/** Changes of others that one without `If-Match` may meet. */
const changeAttemptsMax = 5

type Failure = GatewayError | EngineError | Rejected | Refused | SqlError
type Asking<A> = Effect.Effect<A, Failure, AgentIndex>

const callOf = ({ identity }: GatewayRequest, timeoutMs: number) => ({
  tenant: identity.tenant,
  principal: identity.user,
  timeoutMs,
})

const describe = (engine: EngineShape, request: GatewayRequest, agent: string) =>
  engine.ask(AgentProtocol, agent, { _tag: "Describe" }, callOf(request, changeMs))

/** As this caller may see it. */
export const detailOf = Effect.fnUntraced(function* (
  { identity }: GatewayRequest,
  view: AgentView,
): Effect.fn.Return<ReturnType<typeof agentDetail>, Refused | SqlError, AgentIndex> {
  if (!mayChangeAgent(view, agentCallerOf(identity))) return agentDetail(view, undefined)
  const { hasCredential } = yield* AgentIndex
  return agentDetail(view, { hasCredential: yield* hasCredential(identity.tenant, view.agent) })
})

/** The actor knows health and tasks as of now; lists may be some checks behind. */
export const readAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  agent: string,
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  yield* seenAgent(request.identity, agent)
  return yield* describe(engine, request, agent)
})

/** After the agent itself: the secret of another one's must not be written over by whoever names the same id. */
const keepCredential = (
  request: GatewayRequest,
  agent: string,
  credential: string | null | undefined,
): Asking<void> =>
  credential === undefined
    ? Effect.void
    : AgentIndex.use(({ setCredential }) =>
        setCredential(changedBy(request), agent, credential === null ? undefined : Redacted.make(credential)),
      ).pipe(
        Effect.mapError(
          () =>
            new GatewayError(503, "AGT_SEC_002", "The agent stands, its credential could not be stored.", {
              agent_id: agent,
              field: "credential",
              remedy: `send it again with PATCH /api/agents/${agent}`,
            }),
        ),
      )

const create = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  { id, registration }: { readonly id: string; readonly registration: AgentRegistration },
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  const { id: _, credential, ...settings } = registration
  const { user, department } = request.identity
  const owned = { ...(department === undefined ? {} : { department }), ...settings }
  const descriptor = descriptorOf(owned, user)
  checkCredential(descriptor, credential)
  // A tenant that is new may not have its own yet.
  if (Object.hasOwn(builtinAgents, id))
    return yield* Effect.fail(rejectionError("agent", { _tag: "AgentExists" }))
  const { find } = yield* AgentIndex
  if ((yield* find(request.identity.tenant, id)) === undefined) yield* requireRoom(request.identity, user)
  const command = { _tag: "Create", descriptor, by: user } as const
  const view = yield* engine.ask(AgentProtocol, id, command, callOf(request, changeMs))
  yield* keepCredential(request, id, credential)
  return view
})

const checkCredential = (
  { endpoint }: { readonly endpoint?: string },
  credential: string | null | undefined,
): void => {
  if (credential === undefined || credential === null) return
  const wrong =
    endpoint === undefined
      ? { reason: "the agent answers here, and is sent none", remedy: "leave it out" }
      : isHeaderText(credential)
        ? undefined
        : {
            reason: "it holds characters that no header carries",
            remedy: "copy it again, without line breaks",
          }
  if (wrong !== undefined)
    throw new GatewayError(422, "AGT_REG_006", "The agent's settings do not go together.", {
      field: "credential",
      ...wrong,
    })
}

/** Errors: 409 `AGT_REG_003`, `AGT_REG_009`, 422 `AGT_REG_006`, `AGT_REG_007`, 503 `AGT_SEC_002`. */
export const registerAgent = (
  engine: EngineShape,
  request: GatewayRequest,
  registration: AgentRegistration,
): Asking<AgentView> =>
  Effect.suspend(() => create(engine, request, { id: registration.id ?? randomUUID(), registration }))

/** The same for the same owner, name and address, so that registering again meets what there is. A change here moves ids. */
const idByAddress = ({ identity }: GatewayRequest, { name, a2a_endpoint, endpoint }: AgentRegistration) => {
  const named = JSON.stringify([identity.tenant, identity.user, name, endpoint ?? a2a_endpoint ?? ""])
  const hex = createHash("sha256").update(named).digest("hex")
  // RFC 9562, version 8.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/**
 * Registers by owner, name and address: again brings what is said of the agent up to date, and leaves what is not said.
 * Idempotent. Errors: those of `registerAgent`, but for 409; of `changeAgent`.
 */
export const registerByAddress = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  registration: AgentRegistration,
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  const { id = idByAddress(request, registration), ...change } = registration
  return yield* create(engine, request, { id, registration }).pipe(
    Effect.catchIf(
      (failure) => failure._tag === "Rejected" && failure.rejection._tag === "AgentExists",
      () => changeAgent(engine, request, { agent: id, change, version: undefined }),
    ),
  )
})

/**
 * Each start of a node of another version would undo a change; and new conversations and callers over A2A that name no
 * agent count on those that are shipped.
 */
const shipped = (agent: string) =>
  new GatewayError(422, "AGT_REG_008", "This agent is shipped with the product and stays as it is.", {
    agent_id: agent,
    remedy: "register an agent of your own, and name it where it shall answer",
  })

const originOf = (endpoint: string | undefined): string | undefined =>
  endpoint === undefined || !URL.canParse(endpoint) ? endpoint : new URL(endpoint).origin

/** A credential is for the service that it was given for: whoever moves the agent does not get it sent elsewhere. */
const credentialStays = () =>
  new GatewayError(422, "AGT_REG_006", "The agent's settings do not go together.", {
    field: "credential",
    reason: "it was given for another endpoint",
    remedy: "send it together with the new endpoint; null takes it away",
  })

/** The old one is gone before the agent answers elsewhere, and is back when that was refused. */
const withoutCredential = <A>(request: GatewayRequest, agent: string, change: Asking<A>): Asking<A> =>
  Effect.gen(function* () {
    const index = yield* AgentIndex
    const before = yield* index.credential(request.identity.tenant, agent)
    if (before === undefined) return yield* change
    yield* index.setCredential(changedBy(request), agent, undefined)
    return yield* Effect.tapError(change, () => index.setCredential(changedBy(request), agent, before))
  })

/** Errors: 404 `AGT_REG_001`, 403 `AGT_AUTH_001`, 412 `AGT_REG_005`, 422 `AGT_REG_004`, `AGT_REG_006` to `AGT_REG_008`. */
export const changeAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  asked: { readonly agent: string; readonly change: AgentChange; readonly version: number | undefined },
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  const { agent, version, change } = asked
  const { credential, ...settings } = change
  yield* changeableAgent(request.identity, agent)
  const attempt = Effect.gen(function* () {
    const before = yield* describe(engine, request, agent)
    if (before.owner === undefined) return yield* Effect.fail(shipped(agent))
    const descriptor = descriptorOf(changedSettings(before, settings), before.owner)
    checkCredential(descriptor, credential)
    const by = request.identity.user
    const command = { _tag: "Change", descriptor, by, expectedVersion: version ?? before.version } as const
    const asking = engine.ask(AgentProtocol, agent, command, callOf(request, changeMs))
    if (originOf(descriptor.endpoint) === originOf(before.endpoint)) return yield* asking
    const { hasCredential } = yield* AgentIndex
    if (!(yield* hasCredential(request.identity.tenant, agent))) return yield* asking
    if (credential === undefined && descriptor.endpoint !== undefined)
      return yield* Effect.fail(credentialStays())
    return yield* withoutCredential(request, agent, asking)
  })
  const view = yield* Effect.retry(attempt, {
    times: changeAttemptsMax - 1,
    while: (failure) =>
      version === undefined &&
      failure._tag === "Rejected" &&
      failure.rejection._tag === "AgentVersionConflict",
  })
  yield* keepCredential(request, agent, credential)
  return view
})

/** A move along the life cycle, into the archive, or out of it. Errors: as `changeAgent`, 422 `AGT_LIFE_001`, 409 `AGT_REG_009`. */
export const moveAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  asked: {
    readonly agent: string
    readonly to: { readonly status: AgentView["status"] } | { readonly archived: boolean }
    readonly version: number | undefined
  },
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  const { agent, to, version } = asked
  const { owner, archived } = yield* changeableAgent(request.identity, agent)
  const returns = archived && "archived" in to && !to.archived
  if (owner === undefined && !returns) return yield* Effect.fail(shipped(agent))
  if (returns && owner !== undefined) yield* requireRoom(request.identity, owner)
  const terms = {
    by: request.identity.user,
    ...(version === undefined ? {} : { expectedVersion: version }),
  }
  const call = callOf(request, changeMs)
  return yield* "status" in to
    ? engine.ask(AgentProtocol, agent, { _tag: "Move", ...to, ...terms }, call)
    : engine.ask(AgentProtocol, agent, { _tag: "Archive", ...to, ...terms }, call)
})

/** Errors: 404 `AGT_REG_001`, 403 `AGT_AUTH_001`, 422 `AGT_REG_004`, 429 `AGT_LOAD_001`. */
export const checkAgent = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  agent: string,
): Effect.fn.Return<AgentView, Failure, AgentIndex> {
  yield* changeableAgent(request.identity, agent)
  return yield* engine.ask(AgentProtocol, agent, { _tag: "CheckHealth" }, callOf(request, checkMs))
})

/** Errors: 404 `AGT_REG_001`, 403 `AGT_AUTH_001`, 422 `AGT_REG_004`, 429 `AGT_LOAD_001`. */
export const executeTask = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  asked: {
    readonly agent: string
    readonly task: Omit<Extract<(typeof AgentProtocol)["Command"], { _tag: "Execute" }>, "_tag" | "scopes">
  },
): Effect.fn.Return<Execution, Failure, AgentIndex> {
  yield* usableAgentOf(request.identity, asked.agent)
  const command = { _tag: "Execute", ...asked.task, ...scopesOf(request.identity) } as const
  return yield* engine.ask(AgentProtocol, asked.agent, command, callOf(request, executeMs))
})
