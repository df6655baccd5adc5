/** Which version of the public protocol a request speaks. Source: A2A 1.0 §3.6; 0.3 knew no such header. */
import { A2A_VERSION_HEADER } from "@a2a-js/sdk"
import { VersionNotSupportedError } from "@a2a-js/sdk/errors"
import type { GatewayRequest } from "../route.ts"

export const versions = ["1.0", "0.3"] as const
export type Version = (typeof versions)[number]

/** At which address the protocol is spoken, and in which version. */
export interface Endpoint {
  /** Undefined: the default one, whose address shows all tasks of the caller. */
  readonly agent: string | undefined
  readonly version: Version
}

/** What the request says; undefined when it says nothing. Throws `VersionNotSupportedError`. */
export const namedVersion = ({ http }: GatewayRequest): Version | undefined => {
  const said = (http.req.header(A2A_VERSION_HEADER) ?? http.req.query(A2A_VERSION_HEADER) ?? "").trim()
  if (said === "") return undefined
  // A patch changes nothing of what is said. Source: §3.6.1.
  const version = versions.find((known) => said === known || said.startsWith(`${known}.`))
  if (version !== undefined) return version
  throw new VersionNotSupportedError({
    message: `A2A ${said.slice(0, 20)} is not spoken here; use ${versions.join(" or ")}.`,
    metadata: { supported: versions.join(", ") },
  })
}
