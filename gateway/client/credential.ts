/** Who calls: an API key that stays, or tokens that are renewed. */

export interface Credential {
  /** What there is without asking anybody, for routes that anybody may call. */
  readonly held: () => string | undefined
  /** What goes behind `Bearer`; undefined for nobody. Errors: `clientErrors.signedOut`. */
  readonly token: () => Promise<string | undefined>
  /** The gateway refused this one. Answers another one to try, or undefined. */
  readonly refused: (token: string) => Promise<string | undefined>
}

/** An API key, or a token that somebody else renews; nothing for public routes. */
export const fixedCredential = (secret: string | undefined): Credential => ({
  held: () => secret,
  token: () => Promise.resolve(secret),
  refused: () => Promise.resolve(undefined),
})
