/** Tokens and API keys: what is accepted, what is remembered and for how long, and what is kept on disk. */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SignJWT } from "jose"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import {
  defaultGatewayLimits,
  developmentLogin,
  makeCredentials,
  readNodeFile,
  signToken,
  writeNodeFile,
} from "../../../gateway/index.ts"

const signingKey = Buffer.alloc(32, 1)
const claims = { tenant: "t", user: "u", permissions: ["chat:use"] }
const limits = { ...defaultGatewayLimits, verifiedTokensMax: 2 }
const credentials = () => makeCredentials({ signingKey, apiKeys: [], limits })

describe("a token", () => {
  it("carries tenant, user and permissions", async () => {
    const identity = await credentials().verify(await signToken(signingKey, claims))
    expect(identity).toMatchObject({ tenant: "t", user: "u", permissions: new Set(["chat:use"]) })
  })

  it.each([
    [
      "of another issuer",
      (jwt: SignJWT) => jwt.setIssuer("somebody").setSubject("u").setExpirationTime("1h"),
    ],
    ["without an end", (jwt: SignJWT) => jwt.setIssuer("millrace").setSubject("u")],
    ["of nobody", (jwt: SignJWT) => jwt.setIssuer("millrace").setExpirationTime("1h")],
  ])("%s is refused", async (_, finish) => {
    const jwt = new SignJWT({ tenant: "t", permissions: [] }).setProtectedHeader({ alg: "HS256" })
    await expect(credentials().verify(await finish(jwt).sign(signingKey))).rejects.toMatchObject({
      status: 401,
    })
  })

  it("is known after it was verified, as long as there is room and it is valid", async () => {
    vi.useFakeTimers()
    try {
      const { verify, known } = credentials()
      const [first, second, third] = [
        await signToken(signingKey, { ...claims, user: "1" }, "30s"),
        await signToken(signingKey, { ...claims, user: "2" }, "30s"),
        await signToken(signingKey, { ...claims, user: "3" }, "30s"),
      ]
      for (const token of [first, second, third]) await verify(token)
      expect(known(first)).toBeUndefined()
      expect(known(third)?.user).toBe("3")
      vi.advanceTimersByTime(31_000)
      expect(known(third)).toBeUndefined()
      await expect(verify(third)).rejects.toMatchObject({ status: 401, code: "USR_AUTH_004" })
    } finally {
      vi.useRealTimers()
    }
  })
})

describe("the development login", () => {
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "millrace-login-"))
  })
  afterEach(() => rm(home, { recursive: true, force: true }))

  it("is refused in production", async () => {
    await expect(developmentLogin(home, "production")).rejects.toThrow("NODE_ENV=production")
  })

  it("gives a token and an API key that work, kept where only the owner reads", async () => {
    const login = await developmentLogin(home, undefined)
    const { verify } = makeCredentials({ ...login, limits })
    expect(await verify(login.token)).toMatchObject({ user: "developer" })
    expect(await verify(login.apiKey)).toMatchObject({ user: "developer" })
    expect(login.apiKey).toMatch(/^ak_live_[\w-]{43}$/)
    const hash = join(home, "auth", "api-key.sha256")
    expect(await readFile(hash, "utf8")).not.toContain(login.apiKey)
    for (const file of [hash, join(home, "auth", "signing-key")])
      expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it("keeps the API key and old tokens valid over a restart", async () => {
    const first = await developmentLogin(home, undefined)
    await writeNodeFile(home, { url: "http://localhost", token: first.token, apiKey: first.apiKey })
    expect((await stat(join(home, "node.json"))).mode & 0o777).toBe(0o600)
    expect(await readNodeFile(home)).toMatchObject({ apiKey: first.apiKey })
    const second = await developmentLogin(home, undefined)
    expect(second.apiKey).toBe(first.apiKey)
    const { verify } = makeCredentials({ ...second, limits })
    expect(await verify(first.token)).toMatchObject({ user: "developer" })
  })
})
