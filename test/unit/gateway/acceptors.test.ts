/** Many who connect at once are let in within a few turns of the event loop, and a port is nobody else's. */
import { createServer } from "node:http"
import { connect, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { type Listening, listenFor } from "../../../gateway/acceptors.ts"

const clients: Array<Socket> = []
let listening: Listening | undefined
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await listening?.close()
})

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const address = { host: "127.0.0.1", port: 0 }

describe("the gateway's port", () => {
  // Elsewhere a port is not shared: there is one socket.
  it.runIf(process.platform === "linux")(
    "takes several connections in each turn of the event loop",
    async () => {
      const server = createServer()
      let taken = 0
      server.on("connection", () => {
        taken += 1
      })
      listening = await listenFor(server, address)
      const { port } = listening
      for (let count = 0; count < 256; count++) clients.push(connect(port, address.host))
      let turns = 0
      for (; taken < 256; turns++) await turn()
      expect(turns).toBeLessThan(128)
    },
  )

  it("answers on every connection, and is closed when all of them are gone", async () => {
    const server = createServer((_, response) => response.end("here"))
    listening = await listenFor(server, address)
    const url = `http://${address.host}:${listening.port}/`
    const answers = Array.from({ length: 64 }, async () => (await fetch(url)).text())
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["here"]))
    const open = connect(listening.port, address.host)
    clients.push(open)
    await new Promise((resolve) => server.once("connection", resolve))
    let isClosed = false
    const closing = listening.close().then(() => {
      isClosed = true
    })
    await turn()
    expect(isClosed).toBe(false)
    open.destroy()
    server.closeAllConnections()
    await closing
    await expect(fetch(url)).rejects.toThrow()
    listening = undefined
  })

  it("is refused to a second server", async () => {
    listening = await listenFor(createServer(), address)
    const { port } = listening
    await expect(listenFor(createServer(), { ...address, port })).rejects.toMatchObject({
      code: "EADDRINUSE",
    })
  })
})
