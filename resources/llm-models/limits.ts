/** Every bound of the registry, with its unit. */
export const llmModelLimits = {
  /** Characters. */
  nameMax: 120,
  endpointMax: 500,
  modelNameMax: 200,
  apiKeyMax: 4_096,
  searchMax: 120,
  /** Models of a tenant. */
  modelsMax: 1_000,
  /** Prices of a model, past and future. */
  pricesMax: 1_000,
  /** Models that a call may go through, one falling back to the next. */
  fallbacksMax: 5,
  /** Milliseconds. */
  timeOutMsMin: 1_000,
  timeOutMsMax: 600_000,
  timeOutMsDefault: 60_000,
  contextTokensMax: 100_000_000,
  ratePerMinuteMax: 1_000_000,
  perMillionMax: 1_000_000,
  /** Grants in one batch. */
  batchMax: 1_000,
  /** Grants that one answer lists; a model with more is asked for by its groups. */
  permissionsMax: 10_000,
  /** Models of one tenant that are checked at once. */
  checksAtOnce: 8,
  /** A check that takes longer counts as unhealthy. Milliseconds. */
  checkMs: 15_000,
  /** Characters kept of why a model is unhealthy. */
  healthDetailMax: 500,
  /** Tenants of which a node knows that they have the offline model. */
  tenantsKnownMax: 10_000,
} as const
