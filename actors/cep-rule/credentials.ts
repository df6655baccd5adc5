/**
 * Secrets do not belong into a rule's document: whoever holds `cep:read` sees it, all its versions are kept, and its
 * actions travel with alerts. What looks like one is refused, with the place where it is sealed.
 */
import { isSecretName } from "../../resources/index.ts"
import type { Problem, RuleDocument } from "../../schemas/index.ts"

const problem = "holds a secret that every reader of the rule would see"
const useChannel =
  "make a channel of it, PUT /api/cep/notifications/channels/{id}, whose address and headers are sealed, and notify that"
const useCredential = "take it out, and send it in a header: PUT /api/cep/rules/{id}/poll-credential seals it"

/** Names of parameters that are secrets where they stand alone: signed addresses have them. */
const secretParameters = new Set(["key", "apikey", "auth", "sig", "sign", "access_key", "code", "pass"])
const isSecretParameter = (name: string): boolean =>
  isSecretName(name) || secretParameters.has(name.toLowerCase())

/** Hosts whose paths let in whoever knows them. */
const secretPaths: ReadonlyArray<readonly [host: RegExp, path: RegExp]> = [
  [/^hooks\.slack\.com$/u, /^\/./u],
  [/^(?:[a-z]+\.)?discord(?:app)?\.com$/u, /^\/api\/webhooks\/./u],
  [/\.webhook\.office\.com$/u, /^\/./u],
  [/^api\.telegram\.org$/u, /^\/bot./u],
]

const holdsSecret = (address: string): boolean => {
  if (!URL.canParse(address)) return false
  const { username, password, searchParams, hostname, pathname } = new URL(address)
  return (
    username !== "" ||
    password !== "" ||
    [...searchParams].some(([name, value]) => value !== "" && isSecretParameter(name)) ||
    secretPaths.some(([host, path]) => host.test(hostname) && path.test(pathname))
  )
}

/** Of a body that is JSON: a text under a telling name that no alert fills in. */
const secretField = (value: unknown, path: string): string | undefined => {
  if (value === null || typeof value !== "object") return undefined
  for (const [name, part] of Object.entries(value)) {
    const place = path === "" ? name : `${path}.${name}`
    if (typeof part === "string" && part !== "" && !part.includes("{{") && isSecretName(name)) return place
    const within = secretField(part, place)
    if (within !== undefined) return within
  }
  return undefined
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const credentialProblems = ({ trigger, actions = [] }: RuleDocument): ReadonlyArray<Problem> => {
  const found: Array<Problem> = []
  if (trigger.type === "metric" && trigger.poll !== undefined && holdsSecret(trigger.poll.url))
    found.push({ field: "trigger.poll.url", problem, remedy: useCredential })
  for (const [index, action] of actions.entries()) {
    if (action.type !== "call_api") continue
    if (holdsSecret(action.api)) found.push({ field: `actions.${index}.api`, problem, remedy: useChannel })
    const field = action.body === undefined ? undefined : secretField(jsonOf(action.body), "")
    if (field !== undefined)
      found.push({ field: `actions.${index}.body`, problem: `${problem}, in ${field}`, remedy: useChannel })
  }
  return found
}
