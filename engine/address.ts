/**
 * Where an actor lives: tenant / kind / key, and the partition which that address hashes to.
 * Changing the hash or the text form moves data: every stored mailbox, journal and snapshot depends on both.
 */
import * as Schema from "effect/Schema"
import { namePattern } from "../schemas/index.ts"

export const keyCharactersMax = 256

/** A tenant or an actor kind: lower-case letters, digits, `-` and `_`, at most 64 characters. */
export const Name = Schema.String.check(Schema.isPattern(namePattern))

/** The key of one actor within its kind: 1 to 256 characters, no control characters. */
export const Key = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(keyCharactersMax),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  Schema.isPattern(/^[^\u0000-\u001f\u007f]+$/),
)

export const Address = Schema.Struct({ tenant: Name, kind: Name, key: Key })
export type Address = typeof Address.Type

export const isAddress = Schema.is(Address)

/** `tenant/kind/key`; the key may itself hold slashes. */
export const format = (address: Address): string => `${address.tenant}/${address.kind}/${address.key}`

/** The inverse of `format`; undefined when the text is no valid address. */
export const parse = (text: string): Address | undefined => {
  const first = text.indexOf("/")
  const second = text.indexOf("/", first + 1)
  if (first < 1 || second < 0) return undefined
  const address = {
    tenant: text.slice(0, first),
    kind: text.slice(first + 1, second),
    key: text.slice(second + 1),
  }
  return isAddress(address) ? address : undefined
}

/** The kind within a formatted address, without parsing the rest. */
export const kindOf = (text: string): string => {
  const first = text.indexOf("/")
  return text.slice(first + 1, text.indexOf("/", first + 1))
}

/**
 * Partition of a formatted address: 32-bit FNV-1a over UTF-16 code units with a murmur3 finaliser, modulo `partitions`.
 * Source: FNV-1a (draft-eastlake-fnv), MurmurHash3 fmix32.
 */
export const partitionOf = (formatted: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < formatted.length; index++) {
    hash = Math.imul(hash ^ formatted.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions
}
