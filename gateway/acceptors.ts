/**
 * Listens for the gateway, through several sockets on its port. Node takes one new connection from a listening socket in
 * each turn of its event loop, and a turn of a busy node lasts ten milliseconds and more: through one socket thousands
 * of clients who come back at once would wait for minutes. Measured with turns of 10 ms: 500 connections in 6.5 s, and
 * through sixteen sockets in 0.7 s.
 */
import type { Server } from "node:http"
import { type AddressInfo, createServer, type Server as Listener } from "node:net"
import type { GatewayAddress } from "./config.ts"

const socketsMax = 16

/** As HTTP servers take their connections. */
const asHttpServers = { allowHalfOpen: true, noDelay: true } as const

const listening = (listener: Listener, options: object) =>
  new Promise<number>((resolve, reject) => {
    listener.once("error", reject)
    listener.listen(options, () => {
      listener.removeListener("error", reject)
      resolve((listener.address() as AddressInfo).port)
    })
  })

const closed = (listener: Listener) => new Promise<void>((resolve) => listener.close(() => resolve()))

/** A port that is shared is not refused to a second process: one socket that does not share finds out whether it is free. */
const freePort = async ({ host, port }: GatewayAddress): Promise<number> => {
  const probe = createServer()
  const free = await listening(probe, { host, port })
  await closed(probe)
  return free
}

export interface Listening {
  readonly port: number
  /** Takes no more; resolves when the connections that were taken are gone. */
  readonly close: () => Promise<void>
}

/** Rejects with what the system says, as where the port is in use. One socket where it cannot be shared. */
export const listenFor = async (server: Server, address: GatewayAddress): Promise<Listening> => {
  const { host } = address
  const port = await freePort(address)
  const shared = { host, port, reusePort: true }
  const all: Array<Listener> = [server]
  const listens = (listener: Listener, options: object) =>
    listening(listener, options).then(
      () => true,
      () => false,
    )
  if (await listens(server, shared))
    while (all.length < socketsMax) {
      const acceptor = createServer(asHttpServers, (socket) => server.emit("connection", socket))
      if (!(await listens(acceptor, shared))) break
      all.push(acceptor)
    }
  else await listening(server, { host, port })
  return {
    port,
    close: async () => {
      await Promise.all(all.map(closed))
    },
  }
}
