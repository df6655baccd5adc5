/**
 * Names an alert: of its tenant, its rule and its group, whatever its severity. 64-bit FNV-1a over UTF-16 code units.
 * Changing the hash or the text gives every alert a new name. Source: FNV-1a (draft-eastlake-fnv).
 */
import type { Labels } from "../../../schemas/index.ts"

/** 16 hexadecimal digits. Two halves, since a bitwise 64-bit product is not there for numbers. */
export const fingerprintOf = (tenant: string, rule: string, labels: Labels): string => {
  const sorted = Object.keys(labels)
    .sort()
    .map((name) => [name, labels[name]])
  const text = JSON.stringify([tenant, rule, sorted])
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (let index = 0; index < text.length; index++) {
    low = (low ^ text.charCodeAt(index)) >>> 0
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 0x1_0000_0000) + (low << 8)) >>> 0
    low = product >>> 0
  }
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0")
}
