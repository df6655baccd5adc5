/** Bounds of talking to an identity provider, with their units. */
export const oidcLimits = {
  /** One request to the provider. */
  requestMs: 5_000,
  /** Bytes of one answer of it. */
  answerBytesMax: 256 * 1024,
  /** How long its description and its keys are kept. */
  discoveryKeepMs: 600_000,
  keysKeepMs: 600_000,
  /** A key that is not known makes the keys be fetched again this often at most. */
  keysCooldownMs: 30_000,
  clockToleranceSeconds: 30,
  /** How old an id token may be that is presented by itself. */
  idTokenAgeMs: 300_000,
  idTokenCharactersMax: 16_384,
} as const
