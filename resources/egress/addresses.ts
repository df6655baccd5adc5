/**
 * Which addresses of the network may be reached from here: those of the public internet, and what the operator listed.
 * Pure. Every notation of an address is brought to one form first, so that none slips through in another.
 */
import ipaddr from "ipaddr.js"

export interface AllowList {
  readonly hosts: ReadonlyArray<{ readonly host: string; readonly port: number | undefined }>
  readonly ranges: ReadonlyArray<readonly [address: ipaddr.IPv4 | ipaddr.IPv6, bits: number]>
}

export const nothingAllowed: AllowList = { hosts: [], ranges: [] }

/** What a name led to, on the way to a connection. */
export interface Destination {
  /** As in the URL, without brackets. */
  readonly host: string
  readonly port: number
  readonly address: string
}

/** Where clouds hand out credentials; a name that an operator allowed must not lead there either. */
const metadataAddresses = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "168.63.129.16",
  "100.100.100.200",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
])

/** An IPv4 address that is wrapped in an IPv6 one is that IPv4 address. */
const parseAddress = (text: string): ipaddr.IPv4 | ipaddr.IPv6 => ipaddr.process(text.replace(/%.*$/, ""))

/** As `new URL` writes a host: `2130706433` and `0x7f.1` become 127.0.0.1. Without brackets. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "")

const rangeOf = (entry: string): AllowList["ranges"][number] => {
  const [address, bits] = ipaddr.parseCIDR(entry)
  return [address, bits]
}

const hostOf = (entry: string): AllowList["hosts"][number] => {
  const bare = entry.includes("::") && !entry.startsWith("[") ? `[${entry}]` : entry
  const port = /:(\d+)$/.exec(bare.replace(/^\[.*\]/, ""))?.[1]
  const url = new URL(`http://${bare}`)
  const plain = url.username === "" && url.password === "" && url.pathname === "/" && url.search === ""
  if (!plain || url.hostname === "") throw new TypeError("no host")
  return { host: bareHost(url.hostname), port: port === undefined ? undefined : Number(port) }
}

/** Reads a list with commas of `host`, `host:port` and `address/bits`. Errors: a text that names the bad entry. */
export const parseAllowList = (text: string): AllowList => {
  const entries = text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
  const hosts: Array<AllowList["hosts"][number]> = []
  const ranges: Array<AllowList["ranges"][number]> = []
  for (const entry of entries)
    try {
      if (entry.includes("/")) ranges.push(rangeOf(entry))
      else hosts.push(hostOf(entry))
    } catch {
      throw new Error(`${entry} is neither a host, host:port nor address/bits`)
    }
  return { hosts, ranges }
}

/** The only block of IPv6 that is routed publicly; the rest has forms that wrap IPv4 addresses and that nothing lists. */
const publicIPv6 = ipaddr.parseCIDR("2000::/3")

const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === "unicast" && (address.kind() === "ipv4" || inRange(address, publicIPv6))

const inRange = (address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: AllowList["ranges"][number]): boolean =>
  address.kind() === network.kind() && address.match(network, bits)

/** Undefined: may be reached. Otherwise what kind of address it is. */
export const refusedAddress = (allowed: AllowList, to: Destination): string | undefined => {
  const address = parseAddress(to.address)
  const text = address.toString()
  const named = ({ host, port }: AllowList["hosts"][number], as: string) =>
    host === as && (port === undefined || port === to.port)
  if (metadataAddresses.has(text))
    // A wide range or a name says too little: who wants this, writes this very address.
    return allowed.hosts.some((entry) => named(entry, text)) ? undefined : "an address of cloud metadata"
  if (isPublic(address)) return undefined
  const wanted = to.host.toLowerCase()
  const isAllowed =
    allowed.hosts.some((entry) => named(entry, wanted) || named(entry, text)) ||
    allowed.ranges.some((entry) => inRange(address, entry))
  return isAllowed ? undefined : `not a public address (${address.range()})`
}
