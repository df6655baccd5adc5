/** Access tokens and API keys: what is accepted, what is remembered and for how long, and what ends it at once. */
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { exportSPKI, generateKeyPair, SignJWT } from "jose"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { signAccessToken } from "../../../gateway/auth/access-token.ts"
import {
  type CredentialSources,
  defaultGatewayLimits,
  makeCredentials,
  readNodeFile,
  writeNodeFile,
} from "../../../gateway/index.ts"

const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true })
const key = { kid: "k1", privateKey }
const claims = { tenant: "t", userId: "1", username: "ann", session: "s1" }
const hour = 3_600_000

/** Stores that a test changes as it likes, and that count how often they are asked. */
const makeWorld = (verifiedTokensMax = 10) => {
  const access = {
    user_id: "1",
    username: "ann",
    active: true,
    department: "d",
    groups: ["g"],
    roles: ["USER"],
    permissions: ["chat:use", "ops:ask"] as ReadonlyArray<string>,
  }
  const world = {
    access: access as typeof access | undefined,
    alive: true,
    tenantActive: true,
    apiKey: undefined as { scopes: ReadonlyArray<string> | null; expiresAt: number } | undefined,
    generations: new Map<string, number>(),
    asked: { keys: 0, alive: 0, access: 0, apiKeys: 0 },
    /** Runs while the stores are read. */
    meanwhile: () => {},
    announce: (topic: string) => world.generations.set(topic, (world.generations.get(topic) ?? 0) + 1),
  }
  const sources: CredentialSources = {
    verifyingKey: (kid) =>
      Effect.sync(() => {
        world.asked.keys++
        return kid === "k1" ? publicKey : undefined
      }),
    checkApiKey: () =>
      Effect.sync(() => {
        world.asked.apiKeys++
        return world.apiKey && { tenant: "t", id: 7, username: "ann", ...world.apiKey }
      }),
    isAlive: () =>
      Effect.sync(() => {
        world.asked.alive++
        return world.alive
      }),
    access: () =>
      Effect.sync(() => {
        world.asked.access++
        const now = world.access
        world.meanwhile()
        return now
      }),
    tenantAccepts: () => Effect.sync(() => world.tenantActive),
    generation: (topic) => world.generations.get(topic) ?? 0,
  }
  const limits = { ...defaultGatewayLimits, verifiedTokensMax }
  return Object.assign(world, makeCredentials({ sources, context: Context.empty(), limits }))
}

const token = (more: Partial<typeof claims> = {}, lifeMs = hour) => {
  const now = Date.now()
  return signAccessToken(key, { ...claims, ...more, expiresAt: now + lifeMs }, now)
}
const refused = (code: string) => expect.objectContaining({ status: 401, code })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe("an access token", () => {
  it("says who; what they may do comes from the directory", async () => {
    const identity = await makeWorld().verify(await token())
    expect(identity).toMatchObject({ tenant: "t", user: "ann", userId: "1", session: "s1", department: "d" })
    expect([identity.permissions, identity.groups]).toEqual([
      new Set(["chat:use", "ops:ask"]),
      new Set(["g"]),
    ])
  })

  it("is known after it was checked, without asking anybody, and asked about again in time", async () => {
    const world = makeWorld()
    const text = await token()
    expect(world.known(text)).toBeUndefined()
    const identity = await world.verify(text)
    expect(world.known(text)).toBe(identity)
    expect(world.asked).toEqual({ keys: 1, alive: 1, access: 1, apiKeys: 0 })
    vi.setSystemTime(Date.now() + defaultGatewayLimits.verifiedTokenMs)
    expect(world.known(text)).toBeUndefined()
    await world.verify(text)
    // The signature is not checked twice.
    expect(world.asked).toEqual({ keys: 1, alive: 2, access: 2, apiKeys: 0 })
  })

  it.each(["access/t", "login/t/s1", "tenants"])(
    "is checked again at once when %s is announced",
    async (topic) => {
      const world = makeWorld()
      const text = await token()
      await world.verify(text)
      world.alive = false
      expect(world.known(text)).toBeDefined()
      world.announce(topic)
      expect(world.known(text)).toBeUndefined()
      await expect(world.verify(text)).rejects.toEqual(refused("USR_AUTH_006"))
    },
  )

  it("that was checked while something changed is not kept", async () => {
    const world = makeWorld()
    const text = await token()
    world.meanwhile = () => {
      world.meanwhile = () => {}
      world.access = undefined
      world.announce("access/t")
    }
    await world.verify(text)
    expect(world.known(text)).toBeUndefined()
    await expect(world.verify(text)).rejects.toEqual(refused("USR_AUTH_007"))
  })

  it("gives those who join a check nothing that was over by then", async () => {
    const world = makeWorld()
    const text = await token()
    const first = world.verify(text)
    world.meanwhile = () => {
      world.access = undefined
      world.announce("access/t")
    }
    const second = world.verify(text)
    await first
    await expect(second).rejects.toEqual(refused("USR_AUTH_007"))
  })

  it("is checked once for requests that come at once", async () => {
    const world = makeWorld()
    const text = await token()
    await Promise.all(Array.from({ length: 20 }, () => world.verify(text)))
    expect(world.asked).toEqual({ keys: 1, alive: 1, access: 1, apiKeys: 0 })
  })

  it.each([
    ["an ended login", { alive: false }, "USR_AUTH_006"],
    ["a user who is gone", { access: undefined }, "USR_AUTH_007"],
    ["a suspended tenant", { tenantActive: false }, "USR_AUTH_007"],
  ])("of %s is refused", async (_, change, code) => {
    const world = Object.assign(makeWorld(), change)
    await expect(world.verify(await token())).rejects.toEqual(refused(code))
  })

  it("of a deactivated user, or of another user who has the name now, is refused", async () => {
    const world = makeWorld()
    const known = world.access!
    for (const access of [
      { ...known, active: false },
      { ...known, user_id: "2" },
    ]) {
      world.access = access
      await expect(world.verify(await token())).rejects.toEqual(refused("USR_AUTH_007"))
    }
  })

  it("has an end, also when it is known", async () => {
    const world = makeWorld()
    const text = await token({}, 3_000)
    await world.verify(text)
    vi.setSystemTime(Date.now() + 3_000)
    expect(world.known(text)).toBeUndefined()
    await expect(world.verify(text)).rejects.toEqual(refused("USR_AUTH_004"))
  })

  it("makes room when there are too many", async () => {
    const world = makeWorld(2)
    const texts = [
      await token({ session: "1" }),
      await token({ session: "2" }),
      await token({ session: "3" }),
    ]
    for (const text of texts) await world.verify(text)
    expect(texts.map((text) => world.known(text) !== undefined)).toEqual([false, true, true])
  })
})

describe("a token that is no access token of ours", () => {
  const jwt = (header: Record<string, unknown> = {}, payload: Record<string, unknown> = {}) =>
    new SignJWT({
      tenant: "t",
      username: "ann",
      sid: "s1",
      sub: "1",
      iss: "millrace",
      aud: "millrace",
      ...payload,
    })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: "k1", ...header })
      .setIssuedAt()
      .setExpirationTime("1h")

  it("is measured against one that passes", async () => {
    await expect(makeWorld().verify(await jwt().sign(privateKey))).resolves.toBeDefined()
  })

  it.each([
    ["another type", { typ: "JWT" }, {}],
    ["no type", { typ: undefined }, {}],
    ["another key", { kid: "k2" }, {}],
    ["no key", { kid: undefined }, {}],
    ["a path for a key", { kid: "../../../dev/null" }, {}],
    ["a key of its own", { kid: undefined, jwk: { kty: "OKP", crv: "Ed25519", x: "AAAA" } }, {}],
    ["another issuer", {}, { iss: "somebody" }],
    ["another audience", {}, { aud: "somebody" }],
    ["no tenant", {}, { tenant: undefined }],
    ["a tenant that is no text", {}, { tenant: ["t"] }],
    ["no login", {}, { sid: undefined }],
    ["no user", {}, { sub: undefined }],
  ])("with %s is refused", async (_, header, payload) => {
    const text = await jwt(header, payload).sign(privateKey)
    await expect(makeWorld().verify(text)).rejects.toEqual(refused("USR_AUTH_002"))
  })

  it("signed with the public key as a secret is refused", async () => {
    const secret = new TextEncoder().encode(await exportSPKI(publicKey))
    const text = await jwt({ alg: "HS256" }).sign(secret)
    await expect(makeWorld().verify(text)).rejects.toEqual(refused("USR_AUTH_002"))
  })

  it.each(["ES256", "RS256", "PS256"])("signed with %s is refused", async (alg) => {
    const other = await generateKeyPair(alg)
    const text = await jwt({ alg }).sign(other.privateKey)
    await expect(makeWorld().verify(text)).rejects.toEqual(refused("USR_AUTH_002"))
  })

  it("is refused for its length before anybody is asked", async () => {
    const world = makeWorld()
    await expect(world.verify("a".repeat(8_193))).rejects.toEqual(refused("USR_AUTH_002"))
    expect(world.asked.keys).toBe(0)
  })
})

describe("an API key", () => {
  const apiKey = "ak_live_x"

  it("may do what its scopes and its owner's rights have in common", async () => {
    const world = makeWorld()
    world.apiKey = { scopes: ["chat:use", "lock:use"], expiresAt: Number.POSITIVE_INFINITY }
    expect(await world.verify(apiKey)).toMatchObject({ session: "key:7", permissions: new Set(["chat:use"]) })
    world.apiKey = { scopes: null, expiresAt: Number.POSITIVE_INFINITY }
    world.announce("login/t/key:7")
    expect((await world.verify(apiKey)).permissions).toEqual(new Set(["chat:use", "ops:ask"]))
  })

  it("that is not known is refused, and one that is revoked ends at once", async () => {
    const world = makeWorld()
    await expect(world.verify(apiKey)).rejects.toEqual(refused("USR_AUTH_002"))
    world.apiKey = { scopes: null, expiresAt: Number.POSITIVE_INFINITY }
    await world.verify(apiKey)
    world.apiKey = undefined
    world.announce("login/t/key:7")
    expect(world.known(apiKey)).toBeUndefined()
    await expect(world.verify(apiKey)).rejects.toEqual(refused("USR_AUTH_002"))
  })
})

describe("the file with the way to the node", () => {
  it("is read back, and by its owner only", async () => {
    const node = { url: "http://localhost", apiKey: "k", token: "k" }
    const home = await mkdtemp(join(tmpdir(), "millrace-login-"))
    try {
      expect(await readNodeFile(home)).toBeUndefined()
      await writeNodeFile(home, node)
      expect((await stat(join(home, "node.json"))).mode & 0o777).toBe(0o600)
      expect(await readNodeFile(home)).toEqual(node)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
