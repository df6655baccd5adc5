/** How long to wait before a provider is tried again. Pure. */
import { type LlmLimits, llmLimits } from "./limits.ts"

const daysMs = 86_400_000

/** What `Retry-After` asks for, in seconds or as a date; undefined when it asks for nothing sensible. Source: RFC 9110 §10.2.3. */
export const retryAfterMs = (headers: Pick<Headers, "get"> | undefined, now: number): number | undefined => {
  const exact = Number(headers?.get("retry-after-ms") ?? "")
  if (Number.isFinite(exact) && exact > 0) return Math.min(exact, daysMs)
  const said = headers?.get("retry-after")?.trim()
  if (said === undefined || said === "") return undefined
  const milliseconds = /^\d+(?:\.\d+)?$/.test(said) ? Number(said) * 1_000 : Date.parse(said) - now
  return Number.isFinite(milliseconds) ? Math.min(Math.max(0, milliseconds), daysMs) : undefined
}

/**
 * `attempt` counts from 1; `random` is from 0 to 1. Undefined: do not try again. What the provider asks for is waited
 * at least, and a share more, since all that were sent away come back at the same moment otherwise.
 */
export const retryDelayMs = (
  attempt: number,
  asked: number | undefined,
  random: number,
  limits: Pick<LlmLimits, "attemptsMax" | "retryBaseMs" | "retryMaxMs" | "retryAfterMaxMs"> = llmLimits,
): number | undefined => {
  if (attempt >= limits.attemptsMax) return undefined
  const backOff = Math.min(limits.retryMaxMs, limits.retryBaseMs * 2 ** (attempt - 1)) * random
  if (asked === undefined) return backOff
  return asked > limits.retryAfterMaxMs ? undefined : asked + limits.retryBaseMs * random
}
