/** What can be wrong with where a rule's items come from. Schedules are checked by the rule's actor, which has a clock. */
import { compile as compileJsonPath } from "json-p3"
import type { Poll, RuleDocument } from "../../../schemas/index.ts"
import { limits, type Problems } from "./problems.ts"

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/u

export const checkLabelNames = (
  labels: Readonly<Record<string, string>>,
  field: string,
  problems: Problems,
) => {
  for (const name of Object.keys(labels)) {
    if (!labelName.test(name))
      problems.add(`${field}.${name}`, "is no name of a label", "use letters, digits and _")
  }
}

/**
 * Parts of paths whose cost over a document of some megabytes nobody knows: all nodes below, the whole document for each
 * node, the same nodes several times over, and regular expressions that go back and forth.
 */
const costlyParts: ReadonlyArray<readonly [RegExp, string]> = [
  [/\.\./u, "it has .."],
  [/,/u, "it selects several things at once"],
  [/\?[^?]*\?/u, "it has several filters"],
  [/.\$/u, "its filter looks at the whole document"],
  [/\b(?:match|search)\s*\(/u, "it has a regular expression"],
]

const pathProblem = (path: string): string | undefined => {
  const unquoted = path.trim().replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/gu, "''")
  const costly = costlyParts.find(([part]) => part.test(unquoted))
  if (costly !== undefined) return `${costly[1]}: it would take too long on a large answer`
  try {
    compileJsonPath(path)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Headers that hold credentials, as services call them; and what ends like one. */
const credentialHeaders = new Set([
  ...["authorization", "proxy-authorization", "cookie", "x-authorization", "x-auth", "x-auth-key"],
  ...["api-key", "apikey", "x-api-key", "x-apikey", "dd-api-key", "dd-application-key", "x-goog-api-key"],
  ...["x-functions-key", "x-master-key", "x-rapidapi-key", "ocp-apim-subscription-key", "x-honeycomb-team"],
])
const soundsLikeCredential = /(?:token|secret|passw(?:or)?d|credentials?|signature)$/iu

const useCredential = "set it with PUT /api/cep/rules/{id}/poll-credential, which seals it"

const checkPoll = (poll: Poll, problems: Problems): void => {
  const field = "trigger.poll"
  if (!/^https?:\/\//iu.test(poll.url) || !URL.canParse(poll.url)) {
    problems.add(`${field}.url`, "is no address of the web", "use http:// or https://, a host and a path")
  }
  for (const [name, value] of Object.entries(poll.headers ?? {})) {
    const place = `${field}.headers.${name}`
    if (credentialHeaders.has(name.toLowerCase()) || soundsLikeCredential.test(name))
      problems.add(place, "holds a credential that every reader of the rule would see", useCredential)
    else if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/iu.test(name) || !/^[\x20-\x7e]*$/u.test(value))
      problems.add(place, "is no header", "use letters, digits and - in its name, ASCII in its value")
  }
  const everyMs = problems.duration(`${field}.every`, poll.every, limits.pollEvery)
  const timeoutMs = problems.duration(`${field}.timeout`, poll.timeout, limits.pollTimeout)
  if (timeoutMs > everyMs) {
    problems.add(
      `${field}.timeout`,
      "is longer than the time until the next look",
      "make it shorter than every",
    )
  }
  if (poll.format === "json") {
    const problem = poll.path === undefined ? "is missing" : pathProblem(poll.path)
    if (problem !== undefined) {
      problems.add(`${field}.path`, problem, "give a JSON path (RFC 9535), for example $.data.load")
    }
  } else if (poll.path !== undefined) {
    problems.add(`${field}.path`, "means nothing for the format prometheus", "leave it out")
  }
  checkLabelNames(poll.labels ?? {}, `${field}.labels`, problems)
}

export const checkTrigger = ({ trigger }: RuleDocument, problems: Problems): void => {
  if (trigger.type !== "metric") return
  checkLabelNames(trigger.where ?? {}, "trigger.where", problems)
  if (trigger.poll !== undefined) checkPoll(trigger.poll, problems)
}
