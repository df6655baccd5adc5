/** What a node remembers of credentials that held: nobody's guesses at the same address hold them up. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type CredentialSources, defaultGatewayLimits, makeCredentials } from "../../../gateway/index.ts"

const access = {
  user_id: "1",
  username: "ann",
  active: true,
  department: undefined,
  groups: [],
  roles: ["USER"],
  permissions: ["chat:use"],
}

/** Of one API key that holds until it is revoked; stores may be away. */
const makeWorld = () => {
  const world = { revoked: false, away: false }
  const found = { tenant: "t", id: 7, username: "ann", scopes: null, expiresAt: Number.POSITIVE_INFINITY }
  const sources: CredentialSources = {
    verifyingKey: () => Effect.succeed(undefined),
    checkApiKey: () =>
      world.away ? Effect.fail({ _tag: "SqlError" }) : Effect.sync(() => (world.revoked ? undefined : found)),
    isAlive: () => Effect.succeed(true),
    access: () => Effect.succeed(access),
    tenantAccepts: () => Effect.succeed(true),
    generation: () => 0,
  }
  const limits = { ...defaultGatewayLimits, verifiedTokenMs: 0 }
  return Object.assign(world, makeCredentials({ sources, context: Context.empty(), limits }))
}

const key = `ak_live_${"a".repeat(60)}`

describe("a credential", () => {
  it("has held once it was verified, also when it has to be looked at again", async () => {
    const world = makeWorld()
    expect(world.held?.(key)).toBe(false)
    await world.verify(key)
    expect([world.known(key), world.held?.(key)]).toEqual([undefined, true])
  })

  it("has held while the stores are away, and no more once it is refused", async () => {
    const world = makeWorld()
    await world.verify(key)
    world.away = true
    await expect(world.verify(key)).rejects.toMatchObject({ _tag: "SqlError" })
    expect(world.held?.(key)).toBe(true)
    world.away = false
    world.revoked = true
    await expect(world.verify(key)).rejects.toMatchObject({ status: 401 })
    expect(world.held?.(key)).toBe(false)
  })
})
