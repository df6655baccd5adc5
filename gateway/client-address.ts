/**
 * Which address a request comes from. The peer's own, unless it is a proxy that the operator trusts: then the right-most
 * address in `X-Forwarded-For` that no trusted proxy has. What stands left of that anybody can write.
 */
import type { IncomingMessage } from "node:http"
import ipaddr from "ipaddr.js"

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Networks of proxies whose `X-Forwarded-For` is believed. */
export interface TrustedProxies {
  readonly networks: ReadonlyArray<readonly [address: Address, bits: number]>
}

export const noTrustedProxies: TrustedProxies = { networks: [] }

/** Hops of `X-Forwarded-For` that are looked at. */
const hopsMax = 32
/** A subscriber's own network: single addresses of it cost nothing to change. */
const ipv6SubscriberBytes = 8

/** Addresses or address/bits, with commas. Throws an `Error` that names the entry. */
export const parseTrustedProxies = (text: string): TrustedProxies => {
  const entries = text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
  return {
    networks: entries.map((entry) => {
      if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry)
      if (!ipaddr.isValid(entry)) throw new Error(`${entry} is neither an address nor address/bits`)
      const address = ipaddr.parse(entry)
      return [address, address.kind() === "ipv4" ? 32 : 128] as const
    }),
  }
}

const parse = (text: string): Address | undefined => {
  const plain = text.trim().replace(/%.*$/, "")
  return ipaddr.isValid(plain) ? ipaddr.process(plain) : undefined
}

const isTrusted = (address: Address, { networks }: TrustedProxies): boolean =>
  networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits))

const forwardedFor = (peer: Address, header: string, proxies: TrustedProxies): Address => {
  let nearest = peer
  const hops = header.split(",").slice(-hopsMax)
  while (isTrusted(nearest, proxies)) {
    const next = hops.pop()
    const address = next === undefined ? undefined : parse(next)
    if (address === undefined) return nearest
    nearest = address
  }
  return nearest
}

const clientOf = (request: IncomingMessage, proxies: TrustedProxies): Address | undefined => {
  const peer = parse(request.socket.remoteAddress ?? "")
  if (peer === undefined || proxies.networks.length === 0) return peer
  const header = request.headers["x-forwarded-for"]
  return forwardedFor(peer, String(header ?? ""), proxies)
}

/** The address as people read it; empty when the connection is gone. */
export const clientAddress = (request: IncomingMessage, proxies: TrustedProxies): string =>
  clientOf(request, proxies)?.toString() ?? ""

/** What is counted as one client: an IPv4 address, or the /64 of an IPv6 one. */
export const clientNetwork = (request: IncomingMessage, proxies: TrustedProxies): string => {
  const address = clientOf(request, proxies)
  if (address === undefined || address.kind() === "ipv4") return address?.toString() ?? ""
  const bytes = address.toByteArray().fill(0, ipv6SubscriberBytes)
  return `${ipaddr.fromByteArray(bytes).toString()}/64`
}
