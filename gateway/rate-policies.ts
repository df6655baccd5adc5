/** How many requests each class of routes takes from one identity, and how that is written in the environment. */
import { type RatePolicy, rateLimitBounds } from "../resources/index.ts"
import type { RateClass } from "../schemas/index.ts"
import { defaultRatePolicies } from "./config.ts"

/** `anonymous`: requests to public routes, and those without a credential, by address. */
export type RatedClass = RateClass | "anonymous"

export type RatePolicies = Readonly<Record<RatedClass, RatePolicy>>

const classes = Object.keys(defaultRatePolicies) as ReadonlyArray<RatedClass>

/**
 * `read=6000/60,write=1200/60`: classes that are not named keep their defaults. Undefined for `off`: nothing is limited.
 * Throws an `Error` that names the entry.
 */
export const parseRatePolicies = (text: string): RatePolicies | undefined => {
  if (text.trim() === "off") return undefined
  const policies: Record<RatedClass, RatePolicy> = { ...defaultRatePolicies }
  const seen = new Set<string>()
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "") continue
    const [, name = "", limit, seconds] = /^([a-z-]+)=([1-9]\d{0,8})\/([1-9]\d{0,3})$/.exec(entry) ?? []
    const rated = classes.find((known) => known === name)
    if (rated === undefined) throw new Error(`${entry} is not understood; classes are ${classes.join(", ")}`)
    if (seen.has(rated)) throw new Error(`${rated} is given more than once`)
    seen.add(rated)
    const windowMs = Number(seconds) * 1_000
    if (windowMs > rateLimitBounds.windowMsMax)
      throw new Error(`${entry}: a window is at most ${rateLimitBounds.windowMsMax / 1_000} seconds`)
    policies[rated] = { limit: Number(limit), windowMs }
  }
  return policies
}
