/** Where an agent's service is and which header proves who calls, from the agent's settings. Pure. */
import type { AgentView } from "../../../../schemas/index.ts"
import { RemoteFailure } from "./failure.ts"

const invalid = (detail: string) => new RemoteFailure("AgentSettingsInvalid", detail)

/** Throws `RemoteFailure`. Which hosts may be reached is for the way out to say. */
export const endpointOf = ({ agent, endpoint }: AgentView): URL => {
  if (endpoint === undefined || endpoint === "")
    throw invalid(`agent "${agent}" has no endpoint: set "endpoint" to the address of its service`)
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    throw invalid(`the endpoint of agent "${agent}" is no web address: write its URL as https://host/path`)
  return url
}

/** The address with this at its end, unless it ends so already. */
export const under = (endpoint: URL, path: string): URL => {
  const url = new URL(endpoint)
  const before = url.pathname.replace(/\/+$/, "")
  url.pathname = before.endsWith(path) ? before : `${before}${path}`
  return url
}

/** Headers that say how a request is to be read, not who sends it. */
const notForCredentials =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|forwarded|x-forwarded-.*|accept|accept-.*|traceparent|idempotency-key)$/i

export const mayCarryCredentials = (header: string): boolean => !notForCredentials.test(header)
/** Whether a header can hold it. */
export const isHeaderText = (text: string): boolean => /^[\x20-\x7e]+$/.test(text)

/**
 * A credential that names its scheme itself (`Basic …`) goes into `authorization` as it is. Throws `RemoteFailure`,
 * which never quotes the credential.
 */
export const credentialHeaders = (
  { agent, connection }: AgentView,
  credential: string | undefined,
): Readonly<Record<string, string>> => {
  if (credential === undefined) return {}
  const name = (connection?.credentialHeader ?? "authorization").toLowerCase()
  if (!mayCarryCredentials(name))
    throw invalid(
      `agent "${agent}": "${name}" carries no credentials; name another "connection.credentialHeader"`,
    )
  if (!isHeaderText(credential))
    throw invalid(`the credential of agent "${agent}" holds characters that no header carries; set it again`)
  const bare = name === "authorization" && !credential.trim().includes(" ")
  return { [name]: bare ? `Bearer ${credential}` : credential }
}
