/** Every bound of the audit log, with its unit. */
export const auditLimits = {
  /** Of what something was, and of what it became, as JSON; more is replaced by a mark and a hash. */
  valueBytesMax: 32 * 1024,
  /** Of an actor's name, an object's id, a request's id. */
  nameCharactersMax: 512,
  /** Entries read by one statement when the chain is walked or exported. */
  slice: 1_000,
  /** Entries of one answer. */
  pageMax: 100,
  /** How often the end of each tenant's chain is noted outside the database. */
  anchorEveryMs: 5 * 60_000,
} as const
