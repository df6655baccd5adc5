/** An event stream whose client may have gone before it began. */
import { createServer, get, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { EngineShape } from "../../../engine/index.ts"
import {
  defaultGatewayLimits,
  type GatewayServices,
  makeWebPolicy,
  OpenStreams,
} from "../../../gateway/index.ts"
import { beginRequest } from "../../../gateway/request-context.ts"
import type { GatewayRequest } from "../../../gateway/route.ts"
import { EventStream } from "../../../gateway/sse/event-stream.ts"
import { streamSession } from "../../../gateway/sse/session-stream.ts"

const options = { headers: {}, pingEveryMs: 60_000, bufferBytesMax: 1_000 }
const server = createServer()
let left: ServerResponse

/** The response to a client that has left, after its `close` was heard. */
beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const arrived = new Promise<ServerResponse>((resolve) =>
    server.once("request", (_, response) => resolve(response)),
  )
  const client = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" })
  client.on("error", () => {})
  left = await arrived
  const closed = new Promise((resolve) => left.once("close", resolve))
  client.destroy()
  await closed
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

describe("a stream to a client that has left already", () => {
  it("is closed at once, and only once", () => {
    let closed = 0
    const stream = new EventStream(left, { ...options, closed: () => closed++ })
    stream.send("nobody hears it")
    stream.end()
    expect(closed).toBe(1)
  })

  it("keeps no place among the open streams and follows no session", () => {
    let listening = 0
    const streams = new OpenStreams(1)
    const engine = { listen: () => listening++ } as unknown as EngineShape
    const services = { engine, limits: defaultGatewayLimits, streams } as unknown as GatewayServices
    const request = {
      http: { env: { outgoing: left } },
      context: beginRequest({}, makeWebPolicy({ publicUrl: undefined, corsOrigins: [] })),
      identity: { tenant: "t" },
    } as unknown as GatewayRequest
    streamSession(services, request, { session: "s", after: 0 })
    expect([streams.size, listening]).toEqual([0, 0])
  })
})
