/**
 * Where the keys of `Secrets` come from: the environment, or in development a file under the node's home that only its
 * owner reads. Production refuses to make one by itself, since what is sealed under a lost key is lost.
 */
import { randomBytes } from "node:crypto"
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Schema from "effect/Schema"
import { keyBytes, keyIdPattern, type SecretKey } from "./secrets.ts"

const keysMax = 16
const howToMake = `make one with: echo "k1:$(openssl rand -base64 32)"`

/** `MILLRACE_SECRET_KEYS` is missing or cannot be understood. Never holds a key. */
export class BadSecretKeys extends Schema.TaggedError<BadSecretKeys>()("BadSecretKeys", {
  reason: Schema.String,
}) {
  readonly code = "bad-secret-keys"
  readonly kind = "terminal"
  override get message() {
    return `MILLRACE_SECRET_KEYS: ${this.reason}; expected id:base64key[,id2:base64key] with ${keyBytes} bytes each, newest first; ${howToMake}`
  }
}

const parseKey = (text: string, index: number): SecretKey => {
  const colon = text.indexOf(":")
  const id = text.slice(0, Math.max(colon, 0))
  if (!keyIdPattern.test(id))
    throw new BadSecretKeys({ reason: `entry ${index + 1} has no id of 1 to 32 letters, digits, _ or -` })
  const key = Buffer.from(text.slice(colon + 1), "base64")
  if (key.length !== keyBytes)
    throw new BadSecretKeys({ reason: `the key ${id} has ${key.length} bytes and not ${keyBytes}` })
  return { id, key }
}

/** Throws `BadSecretKeys`. */
export const parseSecretKeys = (text: string): ReadonlyArray<SecretKey> => {
  const keys = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseKey)
  if (keys.length === 0) throw new BadSecretKeys({ reason: "it is empty" })
  if (keys.length > keysMax) throw new BadSecretKeys({ reason: `it holds more than ${keysMax} keys` })
  if (new Set(keys.map(({ id }) => id)).size < keys.length)
    throw new BadSecretKeys({ reason: "two keys have the same id" })
  return keys
}

/** Undefined only where there is none: a key that is there and cannot be read is no reason to make another. */
const readText = (path: string) =>
  readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined
    throw new BadSecretKeys({ reason: `${path} cannot be read: ${cause.code ?? cause.message}` })
  })

/** Two nodes that start at once under one home must end with one key: the link is made by one of them only. */
const makeKeyFile = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`
  await writeFile(draft, `dev:${randomBytes(keyBytes).toString("base64")}\n`, { mode: 0o600 })
  await link(draft, path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause
  })
  await rm(draft)
}

/** Newest first. Rejects with `BadSecretKeys`. */
export const readSecretKeys = async (settings: {
  /** `MILLRACE_SECRET_KEYS`. */
  readonly secretKeys: string | undefined
  readonly home: string
  readonly environment: string | undefined
}): Promise<ReadonlyArray<SecretKey>> => {
  if (settings.secretKeys !== undefined) return parseSecretKeys(settings.secretKeys)
  if (settings.environment === "production")
    throw new BadSecretKeys({ reason: "it has to be set with NODE_ENV=production" })
  const path = join(settings.home, "auth", "secret-key")
  if ((await readText(path)) === undefined) await makeKeyFile(path)
  return parseSecretKeys((await readText(path)) ?? "")
}
