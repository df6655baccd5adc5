/** What the route to any actor serves, and whose an idempotency key is. */
import { describe, expect, it } from "vitest"
import { kinds } from "../../../actors/index.ts"
import { anonymous } from "../../../gateway/auth/identity.ts"
import { requireServed, servedCommands } from "../../../gateway/http/actor-commands.ts"
import { idempotencyKeyOf, idempotentIdOf, scopedKey } from "../../../gateway/idempotency-key.ts"
import type { GatewayRequest } from "../../../gateway/route.ts"

const identity = { ...anonymous, tenant: "t", user: "u", permissions: new Set(["*"]) }

describe("the commands that anybody may send", () => {
  it("are settled for every kind of the product, and exist", () => {
    const protocols = new Map(kinds.map(({ protocol }) => [protocol.kind, protocol]))
    expect(Object.keys(servedCommands).sort()).toEqual([...protocols.keys()].sort())
    for (const [kind, { commands }] of Object.entries(servedCommands))
      expect(Object.keys(protocols.get(kind)!.commands)).toEqual(
        expect.arrayContaining(Object.keys(commands)),
      )
  })

  it("are none of a kind that is not in the table, whatever it is called", () => {
    for (const kind of ["new", "constructor"])
      expect(() => requireServed(identity, kind, "Read")).toThrow(expect.objectContaining({ status: 403 }))
    expect(() => requireServed(identity, "lock", "constructor")).toThrow()
    expect(() => requireServed(identity, "lock", "Read")).not.toThrow()
  })
})

describe("an idempotency key", () => {
  const asked = (user: string, key: string) =>
    ({
      http: { env: { incoming: { headers: { "idempotency-key": key } } } },
      identity: { ...identity, user },
    }) as unknown as GatewayRequest

  it("is its user's own", () => {
    expect(scopedKey("a", "b:c")).not.toBe(scopedKey("a:b", "c"))
    expect(idempotencyKeyOf(asked("a", "k"))).not.toBe(idempotencyKeyOf(asked("b", "k")))
    expect(idempotentIdOf(asked("a", "k"))).not.toBe(idempotentIdOf(asked("b", "k")))
    expect(idempotentIdOf(asked("a", "k"))).toBe(idempotentIdOf(asked("a", "k")))
  })

  it("stays within what the engine stores, however long user and key are", () => {
    const long = idempotencyKeyOf(asked("u".repeat(300), "k".repeat(256)))!
    expect(long.length).toBeLessThanOrEqual(256)
    expect(long).not.toBe(idempotencyKeyOf(asked("u".repeat(301), "k".repeat(256))))
    expect(() => idempotencyKeyOf(asked("u", "k".repeat(257)))).toThrow()
  })
})
