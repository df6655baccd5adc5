/** A network between two parties of a suite that can be cut and mended. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface TcpProxy {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** Ends all connections, and every new one at once. */
  readonly cut: () => void
  readonly mend: () => void
  readonly stop: () => Promise<void>
}

/** Leads to the port of this host. */
export const startTcpProxy = async (port: number): Promise<TcpProxy> => {
  const open = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) return near.destroy()
    const far = connect(port, "127.0.0.1")
    const close = () => {
      near.destroy()
      far.destroy()
      open.delete(near)
    }
    open.add(near)
    for (const end of [near, far]) end.on("error", close).on("close", close)
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      isCut = false
    },
    stop: async () => {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
