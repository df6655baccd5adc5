/** Every bound of the registry, with its unit. */
import { llmWireLimits } from "../../schemas/index.ts"

export const llmModelLimits = {
  ...llmWireLimits,
  /** Models of a tenant. */
  modelsMax: 1_000,
  /** Prices of a model, past and future. */
  pricesMax: 1_000,
  /** Models that a call may go through, one falling back to the next. */
  fallbacksMax: 5,
  /** Milliseconds. */
  timeOutMsDefault: 60_000,
  /** Grants that one answer lists; those of a model with more are read by pages. */
  permissionsMax: 10_000,
  /** Models of one tenant that are checked at once. */
  checksAtOnce: 8,
  /** Models whose health is kept together: what a round has found so far is not lost with its end. */
  checksKeptTogether: 32,
  /** A check that takes longer counts as unhealthy. Milliseconds. */
  checkMs: 15_000,
  /** Characters kept of why a model is unhealthy. */
  healthDetailMax: 500,
  /** Tenants of which a node knows that they have the offline model. */
  tenantsKnownMax: 10_000,
} as const
