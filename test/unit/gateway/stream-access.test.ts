/** An open stream is checked as long as it is open, and nobody has all of a node's streams. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { anonymous } from "../../../gateway/auth/identity.ts"
import { GatewayError } from "../../../gateway/errors.ts"
import { defaultGatewayLimits, OpenStreams } from "../../../gateway/index.ts"
import type { GatewayRequest } from "../../../gateway/route.ts"
import type { GatewayServices } from "../../../gateway/services.ts"
import { openStream } from "../../../gateway/stream-access.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const ann = { ...anonymous, tenant: "t", user: "ann", permissions: new Set(["chat:use"]) }
const { streamCheckEveryMs: every, streamUncheckedMsMax: unchecked } = defaultGatewayLimits

/** A stream of `ann`; `verify` says what the next checks find. */
const open = (streams = new OpenStreams(10)) => {
  const world = {
    verify: (): Promise<typeof ann> => Promise.resolve(ann),
    checks: 0,
    ends: [] as Array<string>,
    streams,
    close: () => {},
  }
  const credentials = {
    known: () => undefined,
    verify: () => {
      world.checks += 1
      return world.verify()
    },
  }
  const services = { credentials, limits: defaultGatewayLimits, streams } as unknown as GatewayServices
  const admission = { credential: "secret", permission: "chat:use" }
  const request = { identity: ann, admission } as unknown as GatewayRequest
  world.close = openStream(services, request, {
    stop: () => world.ends.push("stop"),
    refuse: ({ code }) => world.ends.push(code),
  })
  return world
}

const refused = (status: number, code: string) => () => Promise.reject(new GatewayError(status, code, "no"))

describe("an open stream", () => {
  it("stays open while its credential holds, and is not checked any more once it is closed", async () => {
    const stream = open()
    await vi.advanceTimersByTimeAsync(3 * every)
    expect([stream.checks, stream.ends]).toEqual([3, []])
    stream.close()
    await vi.advanceTimersByTimeAsync(3 * every)
    expect([stream.checks, stream.streams.size]).toEqual([3, 0])
  })

  it("is refused once when its credential holds no more", async () => {
    const stream = open()
    stream.verify = refused(401, "USR_AUTH_004")
    await vi.advanceTimersByTimeAsync(3 * every)
    expect(stream.ends).toEqual(["USR_AUTH_004"])
  })

  it("is refused when its user has lost the right, or the name is somebody else's", async () => {
    const [poor, other] = [open(), open()]
    poor.verify = () => Promise.resolve({ ...ann, permissions: new Set(["ops:ask"]) })
    other.verify = () => Promise.resolve({ ...ann, user: "bob" })
    await vi.advanceTimersByTimeAsync(every)
    expect([poor.ends, other.ends]).toEqual([["USR_AUTH_003"], ["USR_AUTH_006"]])
  })

  it("outlives stores that are away for a moment, and not stores that stay away", async () => {
    const stream = open()
    stream.verify = refused(503, "GTW_DB_001")
    await vi.advanceTimersByTimeAsync(unchecked - every)
    expect(stream.ends).toEqual([])
    await vi.advanceTimersByTimeAsync(2 * every)
    expect(stream.ends).toEqual(["GTW_DB_001"])
  })

  it("ends once when its check is never answered, and hears no more of that check", async () => {
    const stream = open()
    const check = Promise.withResolvers<typeof ann>()
    stream.verify = () => check.promise
    await vi.advanceTimersByTimeAsync(unchecked + 2 * every)
    expect(stream.ends).toEqual(["GTW_STREAM_005"])
    check.reject(new GatewayError(401, "USR_AUTH_004", "no"))
    await vi.advanceTimersByTimeAsync(every)
    expect(stream.ends).toEqual(["GTW_STREAM_005"])
  })

  it("has one check under way at a time, however long it takes", async () => {
    const stream = open()
    stream.verify = () => new Promise(() => {})
    await vi.advanceTimersByTimeAsync(5 * every)
    expect(stream.checks).toBe(1)
  })
})

describe("the list of open streams", () => {
  const add = (streams: OpenStreams, owner: string) => streams.add(() => {}, owner)

  it("gives one user a part of it only, and the part back when streams close", () => {
    const streams = new OpenStreams(10, 2)
    const close = add(streams, "t/ann")
    add(streams, "t/ann")
    expect(() => add(streams, "t/ann")).toThrow(
      expect.objectContaining({ status: 429, code: "GTW_STREAM_004" }),
    )
    add(streams, "t/bob")
    close()
    close()
    add(streams, "t/ann")
    expect(() => add(streams, "t/ann")).toThrow("as many open streams")
    expect(streams.size).toBe(3)
  })
})
