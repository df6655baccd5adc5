/** Every bound of credentials, with its unit and default, and the relations between them. */

const minuteMs = 60_000
export const dayMs = 24 * 60 * minuteMs

export interface CredentialLimits {
  /** How long an access token is valid. */
  readonly accessTokenMs: number
  /** A new signing key is made when the newest is this old. */
  readonly signingKeyRotateMs: number
  /** A new signing key is published this long before it signs, so that whoever keeps the key set has it by then. */
  readonly signingKeyPublishMs: number
  /** A key that no longer signs verifies for the life of a token and this much. */
  readonly signingKeySlackMs: number
  /** How old a node's copy of the signing keys may become. */
  readonly signingKeyReloadMs: number
  /** How long a login lasts, however often it is refreshed. How long without: the setting `login.refresh_days`. */
  readonly loginMs: number
  /** Logins of one user; one more ends the oldest. */
  readonly loginsPerUserMax: number
  /** Expired rows that one write removes at most. */
  readonly pruneRowsMax: number
  readonly apiKeysPerUserMax: number
  readonly apiKeyOverlapSecondsMax: number
  readonly apiKeyOverlapSeconds: number
  /** `last_used_at` of a key is written this often at most. */
  readonly lastUsedEveryMs: number
  /** Uses that may wait to be written; more are not noted. */
  readonly lastUsedPendingMax: number
  /** How long a login at the identity provider may take. */
  readonly loginAttemptMs: number
  /** Logins under way; one more ends the oldest. */
  readonly loginAttemptsMax: number
}

export const defaultCredentialLimits: CredentialLimits = {
  accessTokenMs: 15 * minuteMs,
  signingKeyRotateMs: 7 * dayMs,
  signingKeyPublishMs: 10 * minuteMs,
  signingKeySlackMs: minuteMs,
  signingKeyReloadMs: minuteMs,
  loginMs: 30 * dayMs,
  loginsPerUserMax: 50,
  pruneRowsMax: 100,
  apiKeysPerUserMax: 20,
  apiKeyOverlapSecondsMax: 7 * 86_400,
  apiKeyOverlapSeconds: 86_400,
  lastUsedEveryMs: minuteMs,
  lastUsedPendingMax: 1_000,
  loginAttemptMs: 10 * minuteMs,
  loginAttemptsMax: 10_000,
}

/** Throws when keys would sign before every node knows them, or vanish while their tokens are valid. */
export const assertCredentialLimits = (limits: CredentialLimits): void => {
  if (limits.signingKeyReloadMs * 2 > limits.signingKeyPublishMs)
    throw new RangeError("signingKeyPublishMs has to be twice signingKeyReloadMs at least")
  if (limits.signingKeyRotateMs <= limits.signingKeyPublishMs)
    throw new RangeError("signingKeyRotateMs has to be more than signingKeyPublishMs")
}
