/**
 * Seals texts that the database keeps but must not show: keys of language models, private signing keys. AES-256-GCM under
 * a key from the environment. A sealed text is bound to the place it is kept at, so that it opens nowhere else. Nothing
 * here ever puts the text, or a key, into an error. Changing the format makes everything sealed before unreadable.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** A sealed text that does not open here: changed, moved from elsewhere, or sealed under a key that is not configured. */
export class SecretUnreadable extends Schema.TaggedError<SecretUnreadable>()("SecretUnreadable", {
  /** Of the key that it says it was sealed under; empty when it is no sealed text at all. */
  keyId: Schema.String,
  reason: Schema.Literals(["format", "unknown-key", "not-authentic"]),
}) {
  readonly code = "secret-unreadable"
  readonly kind = "terminal"
  override get message() {
    return this.reason === "unknown-key"
      ? `A secret is sealed under the key ${this.keyId}, which MILLRACE_SECRET_KEYS does not hold.`
      : `A secret sealed under the key ${this.keyId || "?"} cannot be opened: ${this.reason}.`
  }
}

/** Units: `key` has 32 bytes. */
export interface SecretKey {
  /** Shape: `keyIdPattern`. */
  readonly id: string
  readonly key: Uint8Array
}

export interface SecretsService {
  /** Never gives the same twice. `bound`: where the text is kept, such as `llm-model/<tenant>/<id>`. */
  readonly seal: (plain: string, bound: string) => string
  /** Throws `SecretUnreadable`. */
  readonly open: (sealed: string, bound: string) => string
  /** Whether it is sealed under the newest key; otherwise open it and seal it again. */
  readonly isCurrent: (sealed: string) => boolean
  /** Of the keys that open here, the newest first: what is sealed now is sealed under it. */
  readonly keyIds: ReadonlyArray<string>
}

export const keyIdPattern = /^[A-Za-z0-9_-]{1,32}$/
export const keyBytes = 32

const algorithm = "aes-256-gcm"
/** Random nonces of 96 bits are safe for 2³² texts under one key. Source: NIST SP 800-38D, 8.3. */
const nonceBytes = 12
const tagBytes = 16
const format = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/

/** The version and the key's id are authenticated as well. */
const associated = (keyId: string, bound: string) => Buffer.from(`v1.${keyId}.${bound}`, "utf8")

const seal = ({ id, key }: SecretKey, plain: string, bound: string): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(associated(id, bound))
  const body = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()])
  return `v1.${id}.${body.toString("base64url")}`
}

const unseal = ({ id, key }: SecretKey, body: Buffer, bound: string): string => {
  const decipher = createDecipheriv(algorithm, key, body.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(associated(id, bound))
  decipher.setAuthTag(body.subarray(-tagBytes))
  const plain = decipher.update(body.subarray(nonceBytes, -tagBytes))
  return Buffer.concat([plain, decipher.final()]).toString("utf8")
}

/** The body, when the text is exactly what `seal` writes: base64url has several spellings of some bytes. */
const parse = (sealed: string) => {
  const match = format.exec(sealed)
  const body = Buffer.from(match?.[2] ?? "", "base64url")
  if (match === null || body.length < nonceBytes + tagBytes || body.toString("base64url") !== match[2])
    throw new SecretUnreadable({ keyId: match?.[1] ?? "", reason: "format" })
  return { keyId: match[1]!, body }
}

/** The first key seals; all open. */
const makeSecrets = (keys: ReadonlyArray<SecretKey>): SecretsService => {
  const [current] = keys
  if (current === undefined) throw new Error("Secrets need at least one key.")
  for (const { id, key } of keys)
    if (!keyIdPattern.test(id) || key.length !== keyBytes)
      throw new Error(`The secret key ${id} does not have ${keyBytes} bytes, or its id has other characters.`)
  const byId = new Map(keys.map((key) => [key.id, key]))
  if (byId.size < keys.length) throw new Error("Two secret keys have the same id.")
  return {
    seal: (plain, bound) => seal(current, plain, bound),
    open: (sealed, bound) => {
      const { keyId, body } = parse(sealed)
      const key = byId.get(keyId)
      if (key === undefined) throw new SecretUnreadable({ keyId, reason: "unknown-key" })
      try {
        return unseal(key, body, bound)
      } catch {
        throw new SecretUnreadable({ keyId, reason: "not-authentic" })
      }
    },
    isCurrent: (sealed) => format.exec(sealed)?.[1] === current.id,
    keyIds: keys.map(({ id }) => id),
  }
}

export class Secrets extends Context.Service<Secrets, SecretsService>()("millrace/Secrets") {
  /** To rotate: put a new key first, keep the old ones until nothing is sealed under them. */
  static layer(options: { readonly keys: ReadonlyArray<SecretKey> }) {
    return Layer.sync(Secrets, () => makeSecrets(options.keys))
  }
}
