/**
 * Checks what a caller presents, an access token or an API key, and gives whose it is and what they may do now. What was
 * checked lately is known at the cost of one look-up; a changed right, a logout or a revoked key ends that at once on
 * every node that hears of it, and everywhere by time.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { CryptoKey } from "jose"
import {
  type Access,
  apiKeyMark,
  apiKeySession,
  type KnownApiKey,
  narrowed,
  tenantsTopic,
  accessTopic as topicOfAccess,
  loginTopic as topicOfLogin,
} from "../../resources/index.ts"
import type { GatewayLimits } from "../config.ts"
import { GatewayError } from "../errors.ts"
import { refusedCredential, verifyAccessToken } from "./access-token.ts"
import type { Identity } from "./identity.ts"

const credentialCharactersMax = 8_192

export interface Credentials {
  /** The identity if this credential was verified lately and nothing of it changed since; costs one look-up. */
  readonly known: (credential: string) => Identity | undefined
  /** Whether it held when it was last looked at, however long ago. Without it none did. */
  readonly held?: (credential: string) => boolean
  /** Rejects with a `GatewayError` of status 401, or with what the stores fail with. */
  readonly verify: (credential: string) => Promise<Identity>
}

/** Where credentials are checked; the services of `resources` in a node. */
export interface CredentialSources<E = unknown> {
  readonly verifyingKey: (kid: string) => Effect.Effect<CryptoKey | undefined, E>
  readonly checkApiKey: (apiKey: string) => Effect.Effect<KnownApiKey | undefined, E>
  readonly isAlive: (tenant: string, session: string) => Effect.Effect<boolean, E>
  readonly access: (tenant: string, username: string) => Effect.Effect<Access | undefined, E>
  readonly tenantAccepts: (tenant: string) => Effect.Effect<boolean, E>
  /** Of announced changes. */
  readonly generation: (topic: string) => number
}

/** Whose a credential is; stays true as long as the credential is valid. */
interface Proof {
  readonly tenant: string
  readonly username: string
  /** Undefined for an API key. */
  readonly userId: string | undefined
  readonly session: string
  /** Null: no narrower than the user's rights. */
  readonly scopes: ReadonlyArray<string> | null
  readonly expiresAt: number
}

/** Counts of changes, read before what they are about is loaded. */
interface Seen {
  readonly accessTopic: string
  readonly access: number
  readonly loginTopic: string
  readonly login: number
  readonly tenants: number
}

interface Entry {
  readonly proof: Proof
  readonly identity: Identity
  readonly seen: Seen
  readonly until: number
}

export const missingCredential = () =>
  refusedCredential("USR_AUTH_001", "You have to log in.", "no credential was sent")
const unknownKey = () => refusedCredential("USR_AUTH_002", "The API key is not valid.", "unknown API key")
const over = () => refusedCredential("USR_AUTH_006", "The login is over; log in again.", "it was ended")
const noUser = () =>
  refusedCredential("USR_AUTH_007", "This user cannot log in.", "the user or the tenant is not active")

const identityOf = (proof: Proof, access: Access): Identity => ({
  tenant: proof.tenant,
  user: proof.username,
  userId: access.user_id,
  groups: new Set(access.groups),
  department: access.department,
  permissions: narrowed(access.permissions, proof.scopes === null ? undefined : new Set(proof.scopes)),
  scopes: proof.scopes ?? undefined,
  session: proof.session,
  expiresAt: proof.expiresAt,
})

export const makeCredentials = (options: {
  readonly sources: CredentialSources
  readonly context: Context.Context<never>
  readonly limits: Pick<GatewayLimits, "verifiedTokensMax" | "verifiedTokenMs">
}): Credentials => {
  const { sources, context, limits } = options
  const entries = new Map<string, Entry>()
  const underWay = new Map<string, Promise<Identity>>()

  const run = async <A>(effect: Effect.Effect<A, unknown>): Promise<A> => {
    const exit = await Effect.runPromiseExitWith(context)(effect)
    if (exit._tag === "Success") return exit.value
    throw Cause.squash(exit.cause)
  }

  const see = ({ tenant, session }: Proof): Seen => {
    const topics = { accessTopic: topicOfAccess(tenant), loginTopic: topicOfLogin(tenant, session) }
    const [access, login] = [sources.generation(topics.accessTopic), sources.generation(topics.loginTopic)]
    return { ...topics, access, login, tenants: sources.generation(tenantsTopic) }
  }
  const isCurrent = ({ accessTopic, access, loginTopic, login, tenants }: Seen): boolean =>
    sources.generation(accessTopic) === access &&
    sources.generation(loginTopic) === login &&
    sources.generation(tenantsTopic) === tenants

  const remember = (credential: string, entry: Entry): void => {
    entries.delete(credential)
    if (entries.size >= limits.verifiedTokensMax) {
      const oldest = entries.keys().next().value
      if (oldest !== undefined) entries.delete(oldest)
    }
    entries.set(credential, entry)
  }

  /** A signature that held once holds until the token expires. */
  const proveToken = async (token: string, now: number): Promise<Proof> => {
    const proven = entries.get(token)?.proof
    if (proven !== undefined && proven.expiresAt > now) return proven
    const claims = await verifyAccessToken(token, (kid) => run(sources.verifyingKey(kid)), now)
    return { ...claims, scopes: null }
  }

  const proveApiKey = async (apiKey: string): Promise<Proof> => {
    const key = await run(sources.checkApiKey(apiKey))
    if (key === undefined) throw unknownKey()
    const { id, ...rest } = key
    return { ...rest, userId: undefined, session: apiKeySession(id) }
  }

  /** Changes are counted from before the key is looked at, else one in between would go unnoticed. */
  const prove = async (credential: string, now: number): Promise<{ proof: Proof; seen: Seen }> => {
    if (!credential.startsWith(apiKeyMark)) {
      const proof = await proveToken(credential, now)
      return { proof, seen: see(proof) }
    }
    const place = entries.get(credential)?.proof ?? (await proveApiKey(credential))
    const seen = see(place)
    return { proof: await proveApiKey(credential), seen }
  }

  const check = async (credential: string): Promise<Identity> => {
    const began = Date.now()
    const { proof, seen } = await prove(credential, began)
    const { tenant, username, session, userId } = proof
    const [alive, access, accepted] = await run(
      Effect.all([
        userId === undefined ? Effect.succeed(true) : sources.isAlive(tenant, session),
        sources.access(tenant, username),
        sources.tenantAccepts(tenant),
      ]),
    )
    if (!alive) throw over()
    const isSame = userId === undefined || userId === access?.user_id
    if (access === undefined || !access.active || !isSame || !accepted) throw noUser()
    const identity = identityOf(proof, access)
    const until = Math.min(proof.expiresAt, began + limits.verifiedTokenMs)
    remember(credential, { proof, identity, seen, until })
    return identity
  }

  /** Requests that come at once with one credential share one check. */
  const shared = (credential: string): Promise<Identity> => {
    const running = underWay.get(credential)
    if (running !== undefined) return running
    const checking = check(credential)
      .catch((failure: unknown) => {
        // A store that cannot answer says nothing of the credential.
        if (failure instanceof GatewayError && failure.status === 401) entries.delete(credential)
        throw failure
      })
      .finally(() => underWay.delete(credential))
    underWay.set(credential, checking)
    return checking
  }

  const known = (credential: string): Identity | undefined => {
    const entry = entries.get(credential)
    if (entry === undefined || Date.now() >= entry.until || !isCurrent(entry.seen)) return undefined
    return entry.identity
  }

  return {
    known,
    held: (credential) => entries.has(credential),
    verify: async (credential) => {
      if (credential.length > credentialCharactersMax)
        throw refusedCredential("USR_AUTH_002", "The credential is not valid.", "it is too long")
      const joined = underWay.has(credential)
      const identity = await shared(credential)
      // Something may have changed while the check that was joined ran: then it tells of before.
      return joined ? (known(credential) ?? shared(credential)) : identity
    },
  }
}
