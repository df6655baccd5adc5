/**
 * Which rules an item concerns: by the name of its metric or the type of its event, and then by one label that a rule asks
 * for, so that the cost follows the rules that may match and not the rules that exist.
 */
import type { Labels } from "../../schemas/index.ts"

export interface Predicate {
  readonly isEvent: boolean
  readonly name: string
  readonly where: Readonly<Record<string, string>>
}

interface Entry<T> {
  readonly where: ReadonlyArray<readonly [label: string, value: string]>
  readonly target: T
}

/** Rules that ask for the same name. `version` changes with them: what was found before has to be found again. */
class Name<T> {
  readonly name: string
  readonly isEvent: boolean
  version = 0
  /** Ask for no label. */
  readonly open: Array<Entry<T>> = []
  readonly byLabel = new Map<string, Map<string, Array<Entry<T>>>>()
  count = 0

  constructor(name: string, isEvent: boolean) {
    this.name = name
    this.isEvent = isEvent
  }

  /** Where an entry is put: under the label by which the fewest others are found. */
  place(entry: Entry<T>): void {
    let best: readonly [label: string, value: string] | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (const pair of entry.where) {
      const size = this.byLabel.get(pair[0])?.get(pair[1])?.length ?? 0
      if (size < fewest) {
        best = pair
        fewest = size
      }
    }
    if (best === undefined) this.open.push(entry)
    else this.obtain(best[0], best[1]).push(entry)
  }

  private obtain(label: string, value: string): Array<Entry<T>> {
    const values = this.byLabel.get(label) ?? new Map<string, Array<Entry<T>>>()
    const bucket = values.get(value) ?? []
    this.byLabel.set(label, values)
    values.set(value, bucket)
    return bucket
  }

  drop(where: Entry<T>["where"], target: T): void {
    const buckets = where.map(([label, value]) => this.byLabel.get(label)?.get(value) ?? [])
    for (const bucket of [this.open, ...buckets]) {
      const at = bucket.findIndex((entry) => entry.target === target)
      if (at >= 0) bucket.splice(at, 1)
    }
    for (const [label, value] of where) {
      const values = this.byLabel.get(label)
      if (values?.get(value)?.length === 0) values.delete(value)
      if (values?.size === 0) this.byLabel.delete(label)
    }
  }
}
export type IndexedName = Pick<Name<never>, "name" | "isEvent" | "version">

const fulfils = (where: Entry<unknown>["where"], labels: Labels): boolean => {
  for (const [label, value] of where) if (labels[label] !== value) return false
  return true
}

export class PredicateIndex<T> {
  private readonly metrics = new Map<string, Name<T>>()
  private readonly events = new Map<string, Name<T>>()
  /** Rules that were looked at more closely, since the beginning. */
  checks = 0

  add(predicate: Predicate, target: T): void {
    const name = this.obtain(predicate.name, predicate.isEvent)
    name.place({ where: Object.entries(predicate.where), target })
    name.count += 1
    name.version += 1
  }

  remove(predicate: Predicate, target: T): void {
    const name = this.obtain(predicate.name, predicate.isEvent)
    name.drop(Object.entries(predicate.where), target)
    name.count -= 1
    name.version += 1
  }

  /** The same object for the same name as long as the index lives. */
  obtain(name: string, isEvent: boolean): Name<T> {
    const names = isEvent ? this.events : this.metrics
    const known = names.get(name)
    if (known !== undefined) return known
    const made = new Name<T>(name, isEvent)
    names.set(name, made)
    return made
  }

  /** Undefined when no rule asks about it. */
  peek(name: string, isEvent: boolean): Name<T> | undefined {
    const known = (isEvent ? this.events : this.metrics).get(name)
    return known === undefined || known.count === 0 ? undefined : known
  }

  /** All whose predicate the labels fulfil, in no order. */
  find(name: IndexedName, labels: Labels): ReadonlyArray<T> {
    const { open, byLabel } = name as Name<T>
    const found: Array<T> = []
    this.collect(open, labels, found)
    for (const [label, values] of byLabel) {
      const value = labels[label]
      const bucket = value === undefined ? undefined : values.get(value)
      if (bucket !== undefined) this.collect(bucket, labels, found)
    }
    return found
  }

  private collect(bucket: ReadonlyArray<Entry<T>>, labels: Labels, found: Array<T>): void {
    for (const { where, target } of bucket) {
      this.checks += 1
      if (fulfils(where, labels)) found.push(target)
    }
  }

  /** Forgets names that no rule asks for; whoever keeps such a name must forget it too. */
  sweep(): void {
    for (const names of [this.metrics, this.events])
      for (const [text, { count }] of names) if (count === 0) names.delete(text)
  }

  wanted(): ReadonlyArray<{ readonly name: string; readonly isEvent: boolean }> {
    return [...this.metrics.values(), ...this.events.values()].filter(({ count }) => count > 0)
  }
}
