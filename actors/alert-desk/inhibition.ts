/** Alerts that are not told because another one fires: which inhibitions hold for an alert. */
import type { Inhibition } from "../../schemas/index.ts"
import { labelOf } from "./grouping.ts"
import type { Labelled } from "./matchers.ts"
import { indexing } from "./quiet-index.ts"
import type { StoredAlert } from "./state.ts"

type Inhibitions = Readonly<Record<string, Inhibition>>

const keyOf = (alert: Labelled, { equal }: Inhibition): string =>
  JSON.stringify(equal.map((label) => labelOf(alert, label)))

/** Sources of an inhibition within one bucket: fingerprints by the labels that have to be equal. */
type Sources = ReadonlyMap<string, ReadonlyArray<string>>
type Bucket = Readonly<Record<string, StoredAlert>>

/** Buckets never change, so what was found in one holds as long as it is there. */
const found = new WeakMap<Bucket, Map<Inhibition, Sources>>()

const sourcesIn = (
  bucket: Bucket,
  inhibition: Inhibition,
  fits: (alert: StoredAlert) => boolean,
): Sources => {
  const ofBucket = found.get(bucket) ?? new Map<Inhibition, Sources>()
  found.set(bucket, ofBucket)
  const known = ofBucket.get(inhibition)
  if (known !== undefined) return known
  const sources = new Map<string, Array<string>>()
  for (const alert of Object.values(bucket)) {
    if (alert.state !== "firing" || !fits(alert)) continue
    const key = keyOf(alert, inhibition)
    sources.set(key, [...(sources.get(key) ?? []), alert.fingerprint])
  }
  ofBucket.set(inhibition, sources)
  return sources
}

const sources = indexing((all: Inhibitions) =>
  Object.values(all).map(({ id, source }) => ({ id, matchers: source })),
)
const targets = indexing((all: Inhibitions) =>
  Object.values(all).map(({ id, target }) => ({ id, matchers: target })),
)

/** Ids of the inhibitions that hold for an alert. What fits the source itself is not inhibited, so nothing inhibits itself. */
export const inhibitedBy = (
  alert: StoredAlert,
  inhibitions: Inhibitions,
  buckets: ReadonlyArray<Bucket>,
): ReadonlyArray<string> => {
  const fitting = targets(inhibitions).fitting(alert)
  if (fitting.length === 0) return []
  const own = sources(inhibitions).fitting(alert)
  return fitting.filter((id) => {
    if (own.includes(id)) return false
    const inhibition = inhibitions[id]!
    const key = keyOf(alert, inhibition)
    const fits = (one: StoredAlert) => sources(inhibitions).fitting(one).includes(id)
    return buckets.some((bucket) => sourcesIn(bucket, inhibition, fits).get(key) !== undefined)
  })
}
