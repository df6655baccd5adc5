/**
 * Opens connections, and only to addresses that were checked: the name is resolved here, once, and the connection goes
 * to the very address that passed, so that a name cannot lead elsewhere between the check and the connection. Literal
 * addresses take the same way; a `lookup` hook would never see them.
 */
import { lookup } from "node:dns/promises"
import { isIP } from "node:net"
import { buildConnector } from "undici"
import { type AllowList, bareHost, refusedAddress } from "./addresses.ts"
import { EgressRefused } from "./refused.ts"

/** The addresses of a name; rejects when there are none. */
export type Resolve = (host: string) => Promise<ReadonlyArray<string>>

export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address)

export interface ConnectorLimits {
  /** Until a connection stands, for each address. */
  readonly connectMs: number
  /** Addresses of one name that are tried. */
  readonly addressesMax: number
}

type Connected = Parameters<buildConnector.connector>[1]

const portOf = (protocol: string, port: string): number => Number(port) || (protocol === "https:" ? 443 : 80)

const addressesOf = async (host: string, resolve: Resolve): Promise<ReadonlyArray<string>> => {
  if (isIP(host) !== 0) return [host]
  const none = new EgressRefused("name", host, "there is no such name", "check the address")
  const addresses = await resolve(host).catch(() => {
    throw none
  })
  if (addresses.length === 0) throw none
  return addresses
}

/** Rejects with `EgressRefused` unless every address of the host may be reached. */
export type CheckedAddresses = (host: string, port: number) => Promise<ReadonlyArray<string>>

export const checkedAddresses =
  (allowed: AllowList, resolve: Resolve, limits: Pick<ConnectorLimits, "addressesMax">): CheckedAddresses =>
  async (host, port) => {
    const addresses = await addressesOf(host, resolve)
    // One bad address among good ones is refused as well: which one is taken must not be a matter of luck.
    for (const address of addresses) {
      const reason = refusedAddress(allowed, { host, port, address })
      if (reason === undefined) continue
      const remedy = `an operator may allow it with EGRESS_ALLOW=${isIP(host) === 6 ? `[${host}]` : host}:${port}`
      throw new EgressRefused("address", host, `${address} is ${reason}`, remedy)
    }
    return addresses.slice(0, limits.addressesMax)
  }

export const checkedConnector = (
  checked: CheckedAddresses,
  limits: Pick<ConnectorLimits, "connectMs">,
): buildConnector.connector => {
  const connect = buildConnector({ timeout: limits.connectMs, allowH2: false })
  const connectTo = (options: buildConnector.Options, address: string) =>
    new Promise<Parameters<Connected>>((done) =>
      connect({ ...options, hostname: address }, (...result: Parameters<Connected>) => done(result)),
    )
  const attempt = async (options: buildConnector.Options): Promise<Parameters<Connected>> => {
    const addresses = await checked(bareHost(options.hostname), portOf(options.protocol, options.port))
    let result: Parameters<Connected> | undefined
    for (const address of addresses) {
      result = await connectTo(options, address)
      if (result[0] === null) break
    }
    return result!
  }
  return (options, callback) => {
    attempt(options).then(
      (result) => callback(...result),
      (failure: Error) => callback(failure, null),
    )
  }
}
