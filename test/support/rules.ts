/** Rules over HTTP, for suites on a whole node. */
import { vi } from "vitest"
import type { RuleDocument } from "../../schemas/index.ts"
import { json } from "./http-answers.ts"
import type { TestNode } from "./node.ts"

export const rulesPath = "/api/cep/rules"

export const queueRule: RuleDocument = {
  name: "Queue is long",
  trigger: { type: "metric", metric: "queue_length" },
  group_by: ["queue"],
  condition: "value > 100.0",
}

/** A rule's monitor, as far as suites look at it. */
export interface Monitor {
  readonly status: string
  readonly figures?: Readonly<Record<string, number>>
  readonly groups: ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>
    readonly state: string
    readonly value: number
  }>
  readonly poll?: {
    readonly polls: number
    readonly failures: number
    readonly consecutive_failures: number
    readonly has_credential: boolean
    readonly last?: { readonly samples: number; readonly detail?: string }
  }
}

/** `node`: as of each request, since suites start theirs later. */
export const rulesOn = (node: () => TestNode) => {
  const monitorOf = async (rule: string) =>
    (await json(await node().request("GET", `${rulesPath}/${rule}/monitor`))) as unknown as Monitor
  return {
    put: (rule: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
      node().request("PUT", `${rulesPath}/${rule}`, { body, headers }),
    monitorOf,
    /** Until it holds; fails with what it was last. */
    untilMonitor: async (rule: string, holds: (found: Monitor) => boolean): Promise<Monitor> => {
      let found: Monitor | undefined
      const look = async () => {
        found = await monitorOf(rule)
        return holds(found)
      }
      await vi.waitUntil(look, { timeout: 20_000, interval: 50 }).catch((cause: unknown) => {
        throw new Error(`does not hold: ${JSON.stringify(found)}`, { cause })
      })
      return found!
    },
  }
}
