/** What somebody tries who wants in: forged and confused tokens and keys, at a node that really listens. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import {
  CompactSign,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWK,
  SignJWT,
} from "jose"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { SigningKeys } from "../../resources/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode
let token: string
let published: JWK
beforeAll(async () => {
  node = await startTestNode()
  token = await node.login("victim")
  const { kid } = decodeProtectedHeader(token)
  const set = (await json(await node.request("GET", "/.well-known/jwks.json"))) as { keys: Array<JWK> }
  published = set.keys.find((key) => key.kid === kid)!
})
afterAll(() => node.stop())

const call = (credential: string) => node.request("GET", "/api/agents/", { token: credential })
const refusal = async (credential: string) => {
  const { status, code } = await errorOf(await call(credential))
  return { status, code }
}
const invalid = { status: 401, code: "USR_AUTH_002" }
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
const header = () => decodeProtectedHeader(token)
const payload = () => decodeJwt(token)
const withHeader = (change: object) => {
  const [, body, signature] = token.split(".")
  return `${base64url({ ...header(), ...change })}.${body}.${signature}`
}

describe("a forged access token", () => {
  it("is measured against one that is let in", async () => {
    expect((await call(token)).status).toBe(200)
  })

  it.each(["none", "None", "NONE", ""])("with the algorithm %j is refused, signed or not", async (alg) => {
    const [, body, signature] = token.split(".")
    for (const end of ["", signature])
      expect(await refusal(`${base64url({ ...header(), alg })}.${body}.${end}`)).toEqual(invalid)
  })

  it("signed by HS256 with any form of the public key is refused", async () => {
    const secrets = [JSON.stringify(published), published.x!, Buffer.from(published.x!, "base64url")]
    for (const secret of secrets) {
      const forged = await new SignJWT(payload())
        .setProtectedHeader({ ...header(), alg: "HS256" })
        .sign(Buffer.from(secret))
      expect(await refusal(forged)).toEqual(invalid)
    }
  })

  it.each(["ES256", "ES512", "RS256", "PS512", "EdDSA"])(
    "signed by %s with another key is refused",
    async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      const jwk = await exportJWK(publicKey)
      const headers = [
        { ...header(), alg },
        { ...header(), alg, kid: "nobody" },
        { ...header(), alg, jwk },
        { ...header(), alg, jku: `${node.url}/dev/oidc/jwks.json` },
      ]
      for (const protectedHeader of headers)
        expect(
          await refusal(await new SignJWT(payload()).setProtectedHeader(protectedHeader).sign(privateKey)),
        ).toEqual(invalid)
    },
  )

  it.each([
    "../../../dev/null",
    "/dev/null",
    "' OR 1=1 --",
    "a\u0000b",
    "__proto__",
    "constructor",
    "k".repeat(4_000),
  ])("that names the key %j is refused", async (kid) => {
    expect(await refusal(withHeader({ kid }))).toEqual(invalid)
  })

  it("with other claims under the old signature is refused", async () => {
    const [head, , signature] = token.split(".")
    for (const change of [
      { sub: "other" },
      { tenant: "acme" },
      { username: "developer" },
      { exp: 9_999_999_999 },
    ])
      expect(await refusal(`${head}.${base64url({ ...payload(), ...change })}.${signature}`)).toEqual(invalid)
  })
})

describe("a token that is signed with the node's own key", () => {
  const signed = (change: { header?: object; claims?: object; at?: number; lifeMs?: number }) =>
    node.run(
      Effect.gen(function* () {
        const { kid, privateKey } = yield* (yield* SigningKeys).signing
        const now = change.at ?? (yield* Clock.currentTimeMillis)
        const times = {
          iat: Math.floor(now / 1_000),
          exp: Math.floor((now + (change.lifeMs ?? 900_000)) / 1_000),
        }
        const claims = { ...payload(), ...times, ...change.claims }
        return yield* Effect.promise(() =>
          new CompactSign(Buffer.from(JSON.stringify(claims)))
            .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid, ...change.header })
            .sign(privateKey),
        )
      }),
    )

  it("is measured against one that is let in", async () => {
    expect((await call(await signed({}))).status).toBe(200)
  })

  it("and expired is refused, and says so", async () => {
    expect(await refusal(await signed({ at: Date.now() - 3_600_000 }))).toEqual({
      status: 401,
      code: "USR_AUTH_004",
    })
  })

  it.each([
    ["another issuer", { claims: { iss: "somebody" } }],
    ["another audience", { claims: { aud: "somebody" } }],
    ["no audience", { claims: { aud: undefined } }],
    ["another type", { header: { typ: "JWT" } }],
    ["no type", { header: { typ: undefined } }],
    ["no end", { claims: { exp: undefined } }],
    ["an end that is no number", { claims: { exp: "never" } }],
    ["a tenant that is a list", { claims: { tenant: ["default"] } }],
  ])("and has %s is refused", async (_, change) => {
    expect(await refusal(await signed(change))).toEqual(invalid)
  })

  it("and names another tenant, login or user is refused", async () => {
    const changes = [
      { tenant: "nowhere" },
      { sid: "00000000-0000-4000-8000-000000000000" },
      { username: "developer" },
    ]
    for (const claims of changes) expect((await call(await signed({ claims }))).status).toBe(401)
  })
})

describe("an API key", () => {
  it("that is cut, extended, changed or in another case is refused", async () => {
    const key = node.apiKey
    const flipped = key.slice(0, -1) + (key.endsWith("A") ? "B" : "A")
    const prefix = `ak_live_${"A".repeat(12)}${key.slice(20)}`
    const forms = [
      key.slice(0, -1),
      `${key}A`,
      flipped,
      prefix,
      key.slice(0, 20),
      key.toUpperCase(),
      `${key}%00`,
    ]
    for (const form of forms) expect(await refusal(form)).toEqual(invalid)
  })
})
