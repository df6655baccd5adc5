/** Every bound of recommendations, with its unit. */
export const recommendLimits = {
  /** Recommendations and vectors of questions are kept for so long, so many of each on a node. */
  kept: { keepMs: 5 * 60_000, entriesMax: 1_000 },
  /** Characters of an agent that are embedded; models take about as many tokens of Korean. */
  agentTextMax: 6_000,
  /** Agents that are embedded by one call. */
  batchMax: 32,
  /** A new or changed agent waits so long for its vector before lists show it without one. */
  keepMs: 3_000,
  /** Agents of which a node remembers that their vector is current. */
  currentMax: 20_000,
  /** How often each tenant is looked at for agents without a current vector. */
  upkeepEveryMs: 15_000,
  /** After a model failed, its tenant's agents are left alone for so long. */
  pauseMs: 5 * 60_000,
  /** How long the lock of the node that embeds a tenant's agents outlives it. */
  lockTtlMs: 30_000,
} as const

/** Of 10,000 agents one is as near to a question by chance alone; measured in bench/recommend. */
export const offlineMinimumScore = 0.18
/** Of registered models, each of which has a scale of its own: callers may ask for another. */
export const modelMinimumScore = 0.3
