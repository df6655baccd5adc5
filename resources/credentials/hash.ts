/**
 * Random credentials and what is stored of them. They have 256 random bits, which no list of guesses reaches: a plain
 * SHA-256 keeps them as safe as a slow hash would, at a cost that the busiest path can pay.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

const secretBytes = 32

/** Shape: 43 characters of base64url. */
export const randomSecret = (): string => randomBytes(secretBytes).toString("base64url")

/** Shape: 64 hexadecimal digits. */
export const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Of no text that anybody has: compared with where there is nothing to compare with. */
export const noHash = "0".repeat(64)

/** Takes as long whatever the hashes are. */
export const sameHash = (one: string, other: string): boolean =>
  timingSafeEqual(Buffer.from(one.padEnd(64).slice(0, 64)), Buffer.from(other.padEnd(64).slice(0, 64)))
