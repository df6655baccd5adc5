/** The text of an API key: `ak_live_`, 12 characters that it is looked up by, and 256 random bits. */
import { randomBytes } from "node:crypto"
import { randomSecret } from "./hash.ts"

export const apiKeyMark = "ak_live_"
const prefixBytes = 9
const format = /^ak_live_([A-Za-z0-9_-]{12})[A-Za-z0-9_-]{43}$/

export const makePrefix = (): string => randomBytes(prefixBytes).toString("base64url")

export const makeApiKey = (prefix: string): string => `${apiKeyMark}${prefix}${randomSecret()}`

/** Undefined unless it has exactly the form of an API key. */
export const prefixOf = (apiKey: string): string | undefined => format.exec(apiKey)?.[1]
