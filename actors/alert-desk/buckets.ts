/** Records in buckets by a hash of their keys, of which a change copies few. Changing the hash moves stored data. */
import { bucketCount } from "./state.ts"

/** 32-bit FNV-1a over UTF-16 code units. */
export const hashOf = (text: string, seed = 0x811c9dc5): number => {
  let hash = seed
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

export const bucketOf = (key: string): number => hashOf(key) % bucketCount

/** An array of buckets of which those that change are copied. */
export class Buckets<A> {
  private copied: Array<Record<string, A>> | undefined
  private readonly own = new Set<number>()
  private readonly from: ReadonlyArray<Readonly<Record<string, A>>>
  constructor(from: ReadonlyArray<Readonly<Record<string, A>>>) {
    this.from = from
  }

  get all(): ReadonlyArray<Readonly<Record<string, A>>> {
    return this.copied ?? this.from
  }

  get(key: string): A | undefined {
    const bucket = this.all[bucketOf(key)]!
    return Object.hasOwn(bucket, key) ? bucket[key] : undefined
  }

  /** The bucket of a key, to be written to. */
  of(key: string): Record<string, A> {
    const index = bucketOf(key)
    this.copied ??= [...this.from]
    if (!this.own.has(index)) {
      this.own.add(index)
      this.copied[index] = { ...this.copied[index] }
    }
    return this.copied[index]!
  }
}
