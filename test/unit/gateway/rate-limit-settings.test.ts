/** Which address a request counts for, and what the environment may say about limits. */
import type { IncomingMessage } from "node:http"
import { describe, expect, it } from "vitest"
import {
  clientAddress,
  clientNetwork,
  noTrustedProxies,
  parseTrustedProxies,
} from "../../../gateway/client-address.ts"
import { defaultRatePolicies } from "../../../gateway/config.ts"
import { parseRatePolicies } from "../../../gateway/rate-policies.ts"
import {
  alertmanagerEndpoints,
  cepEndpoints,
  cepPastEndpoints,
  ingestEndpoints,
} from "../../../schemas/index.ts"
import { BadSetting, readSettings } from "../../../settings.ts"

const from = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage

describe("the address of a client", () => {
  const proxies = parseTrustedProxies("10.0.0.0/8, 192.0.2.7, fd00::/8")

  it("is the peer's, whatever it says, unless the peer is a trusted proxy", () => {
    expect(clientAddress(from("203.0.113.9", "1.2.3.4"), noTrustedProxies)).toBe("203.0.113.9")
    expect(clientAddress(from("203.0.113.9", "1.2.3.4"), proxies)).toBe("203.0.113.9")
  })

  it("is the right-most one that no trusted proxy has, so that what a client writes itself does not count", () => {
    expect(clientAddress(from("10.0.0.1", "1.1.1.1, 203.0.113.9, 192.0.2.7"), proxies)).toBe("203.0.113.9")
    expect(clientAddress(from("fd00::1", "203.0.113.9, 10.1.1.1"), proxies)).toBe("203.0.113.9")
  })

  it("is the last proxy's when the header ends or cannot be read", () => {
    expect(clientAddress(from("10.0.0.1"), proxies)).toBe("10.0.0.1")
    expect(clientAddress(from("10.0.0.1", "nonsense, 10.0.0.2"), proxies)).toBe("10.0.0.2")
    expect(clientAddress(from("10.0.0.1", "203.0.113.9, <script>"), proxies)).toBe("10.0.0.1")
  })

  it("counts an IPv4 address written as IPv6 as itself, and an IPv6 one by its /64", () => {
    expect(clientNetwork(from("::ffff:203.0.113.9"), noTrustedProxies)).toBe("203.0.113.9")
    expect(clientNetwork(from("2001:db8:1:2:3:4:5:6"), noTrustedProxies)).toBe("2001:db8:1:2::/64")
    expect(clientNetwork(from("2001:db8:1:2::1"), noTrustedProxies)).toBe("2001:db8:1:2::/64")
    expect(clientNetwork(from("fe80::1%eth0"), noTrustedProxies)).toBe("fe80::/64")
  })
})

describe("MILLRACE_RATE_LIMITS", () => {
  it("changes the classes that it names and leaves the others at their defaults", () => {
    expect(parseRatePolicies("read=10/1, model-call=5/30")).toEqual({
      ...defaultRatePolicies,
      read: { limit: 10, windowMs: 1_000 },
      "model-call": { limit: 5, windowMs: 30_000 },
    })
    expect(parseRatePolicies("")).toEqual(defaultRatePolicies)
    expect(parseRatePolicies("off")).toBeUndefined()
  })

  it.each([
    "read",
    "read=0/60",
    "reads=1/60",
    "read=1/601",
    "read=1/60,read=2/60",
    "read=-1/60",
    "read=1/60/2",
  ])("refuses %s by name, with what it may be", (value) => {
    const read = () => readSettings({ MILLRACE_RATE_LIMITS: value })
    expect(read).toThrow(BadSetting)
    expect(read).toThrow(/MILLRACE_RATE_LIMITS=.*expected class=requests\/seconds.*; /)
  })

  it("has a counterpart for proxies that refuses what is no address", () => {
    expect(() => readSettings({ MILLRACE_TRUSTED_PROXIES: "10.0.0.0/8,proxy" })).toThrow(
      /MILLRACE_TRUSTED_PROXIES=.*proxy is neither/,
    )
  })
})

describe("looks at the past", () => {
  it("count by themselves when they explain or test, so that back-tests do not use them up", () => {
    const { test, explain, backtest, backtestDocument } = cepPastEndpoints
    expect([test, explain].map(({ rate }) => rate)).toEqual(["explain", "explain"])
    expect([backtest, backtestDocument].map(({ rate }) => rate)).toEqual(["batch", "batch"])
    const perMinute = ({ limit, windowMs }: { limit: number; windowMs: number }) =>
      (limit * 60_000) / windowMs
    expect(perMinute(defaultRatePolicies.explain)).toBeGreaterThanOrEqual(60)
  })
})

describe("ways in for samples, events and alerts of others", () => {
  it("are a class of their own, which lets a source send many times a second", () => {
    const waysIn = [
      ...Object.values(ingestEndpoints),
      ...Object.values(alertmanagerEndpoints),
      ...Object.values(cepEndpoints),
    ]
    expect(waysIn.map(({ rate }) => rate)).toEqual(waysIn.map(() => "ingest"))
    expect(
      defaultRatePolicies.ingest.limit / (defaultRatePolicies.ingest.windowMs / 1_000),
    ).toBeGreaterThanOrEqual(100)
  })
})
