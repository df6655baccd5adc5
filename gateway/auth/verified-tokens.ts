/** Remembers credentials that were verified, so that signatures are checked once and not per request. Bounded. */
import { createHash } from "node:crypto"
import type { Identity } from "./identity.ts"

interface Entry {
  readonly identity: Identity
  readonly until: number
}

export class VerifiedTokens {
  readonly #entries = new Map<string, Entry>()
  readonly #entriesMax: number
  readonly #keepMs: number

  constructor(entriesMax: number, keepMs: number) {
    this.#entriesMax = entriesMax
    this.#keepMs = keepMs
  }

  /** Undefined when the credential was never verified, was forgotten, or has expired. */
  get(credential: string, now: number): Identity | undefined {
    const entry = this.#entries.get(credential)
    if (entry === undefined) return undefined
    if (entry.until > now) return entry.identity
    this.#entries.delete(credential)
    return undefined
  }

  /** The oldest entry makes room: an active one is verified again, at the cost of one signature. */
  put(credential: string, identity: Identity, now: number): void {
    if (this.#entries.size >= this.#entriesMax) {
      const oldest = this.#entries.keys().next().value
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    this.#entries.set(credential, { identity, until: Math.min(identity.expiresAt, now + this.#keepMs) })
  }
}

/** What is stored of an API key. It is random, so that a plain hash cannot be reversed by guessing. */
export const hashOf = (apiKey: string): string => createHash("sha256").update(apiKey).digest("hex")
