/** Sealed texts open where they were sealed, and nowhere else. */
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readSecretKeys, Secrets } from "../../../resources/index.ts"

const key = (id: string) => ({ id, key: randomBytes(32) })
const secretsOf = (...keys: ReadonlyArray<ReturnType<typeof key>>) =>
  Effect.runSync(Effect.provide(Secrets, Secrets.layer({ keys })))
const unreadable = (reason: string) => expect.objectContaining({ _tag: "SecretUnreadable", reason })
const failureOf = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (failure) {
    return failure
  }
}

describe("a sealed text", () => {
  const secrets = secretsOf(key("k1"))

  it("opens to what was sealed, whatever that is and wherever it is bound to", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 500 }), fc.string(), (plain, bound) => {
        const sealed = secrets.seal(plain, bound)
        expect(sealed).toMatch(/^v1\.k1\.[\w-]+$/)
        expect(secrets.open(sealed, bound)).toBe(plain)
      }),
    )
  })

  it("does not open at another place", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (plain, bound, other) => {
        fc.pre(bound !== other)
        const sealed = secrets.seal(plain, bound)
        expect(failureOf(() => secrets.open(sealed, other))).toEqual(unreadable("not-authentic"))
      }),
    )
  })

  it("does not open when any bit of it was changed", () => {
    const sealed = secrets.seal("sk-live", "here")
    const body = Buffer.from(sealed.slice("v1.k1.".length), "base64url")
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = Buffer.from(body)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const text = `v1.k1.${changed.toString("base64url")}`
      expect(failureOf(() => secrets.open(text, "here"))).toEqual(unreadable("not-authentic"))
    }
  })

  it("never looks the same twice", () => {
    const seen = new Set(Array.from({ length: 100 }, () => secrets.seal("same", "here")))
    expect(seen.size).toBe(100)
  })

  it.each([
    "",
    "v1",
    "v1.k1.",
    "v1.k1.AA",
    "v2.k1.AAAA",
    "v1.k1.!!!!",
    "plain text",
    `v1.k1.${"A".repeat(39)}=`,
  ])("is not %s, which is refused without an attempt", (text) => {
    expect(failureOf(() => secrets.open(text, "here"))).toEqual(unreadable("format"))
  })

  it("names its key in the error, and not its text", () => {
    const sealed = secrets.seal("sk-very-secret", "here")
    const failure = failureOf(() => secretsOf(key("k2")).open(sealed, "here")) as Error
    expect(failure).toEqual(unreadable("unknown-key"))
    expect(failure.message).toContain("k1")
    expect(`${failure.message} ${JSON.stringify(failure)}`).not.toContain("sk-very-secret")
  })
})

describe("a new key", () => {
  const [first, second] = [key("k1"), key("k2")]

  it("seals from now on, while what the old one sealed still opens", () => {
    const old = secretsOf(first).seal("text", "here")
    const rotated = secretsOf(second, first)
    expect(rotated.open(old, "here")).toBe("text")
    expect(rotated.isCurrent(old)).toBe(false)
    const again = rotated.seal(rotated.open(old, "here"), "here")
    expect(rotated.isCurrent(again)).toBe(true)
    expect(secretsOf(second).open(again, "here")).toBe("text")
  })

  it("under the id of another does not open what that one sealed", () => {
    const sealed = secretsOf(first).seal("text", "here")
    const impostor = secretsOf({ id: "k1", key: second.key })
    expect(failureOf(() => impostor.open(sealed, "here"))).toEqual(unreadable("not-authentic"))
  })
})

describe("the keys of a node", () => {
  const inHome = async <A>(use: (home: string) => Promise<A>): Promise<A> => {
    const home = await mkdtemp(join(tmpdir(), "millrace-secrets-"))
    return use(home).finally(() => rm(home, { recursive: true, force: true }))
  }
  const base64 = randomBytes(32).toString("base64")

  it("come from the setting, newest first", async () => {
    const other = randomBytes(32).toString("base64")
    const keys = await readSecretKeys({
      secretKeys: `new:${base64}, old:${other}`,
      home: "/nowhere",
      environment: "production",
    })
    expect(keys.map(({ id }) => id)).toEqual(["new", "old"])
  })

  it("are made once in development, for the owner only, however many nodes start at once", () =>
    inHome(async (home) => {
      const read = () => readSecretKeys({ secretKeys: undefined, home, environment: undefined })
      const all = await Promise.all(Array.from({ length: 5 }, read))
      for (const keys of all) expect(keys).toEqual(all[0])
      expect((await stat(join(home, "auth", "secret-key"))).mode & 0o777).toBe(0o600)
    }))

  it("have to be set in production, which the refusal explains", () =>
    inHome(async (home) => {
      const reading = readSecretKeys({ secretKeys: undefined, home, environment: "production" })
      await expect(reading).rejects.toThrow(/NODE_ENV=production.*openssl rand -base64 32/)
    }))

  it.each([
    ["", "it is empty"],
    [base64, "entry 1 has no id"],
    [`k1:${base64.slice(0, 20)}`, "the key k1 has 15 bytes"],
    [`k1:${base64},k1:${base64}`, "the same id"],
  ])("are refused when they are %j, without showing one", async (secretKeys, reason) => {
    const failure = await readSecretKeys({ secretKeys, home: "/nowhere", environment: undefined }).catch(
      (e) => e,
    )
    expect(failure.message).toContain(reason)
    if (secretKeys !== "") expect(failure.message).not.toContain(base64.slice(0, 20))
  })
})
