/**
 * Prometheus remote write, 1.0 and 2.0. Staleness markers, histograms and exemplars are left out; markers silently, as
 * they say that a series ended.
 * Source: https://prometheus.io/docs/specs/prw/remote_write_spec/ and …/remote_write_spec_2_0/
 */
import type { Labels } from "../../schemas/index.ts"
import { Collected } from "./collected.ts"
import { eachField, lengthDelimited, nested, type Reader, readerOf, repeated, wide } from "./protobuf.ts"

export interface RemoteWrite {
  readonly collected: Collected
  /** Native histograms and exemplars that came with it, which are not kept. */
  readonly histograms: number
  readonly exemplars: number
}

interface Point {
  readonly value: number
  readonly at: number
}

const readPoint = (reader: Reader): Point => {
  let [value, at] = [0, 0]
  nested(reader, {
    1: (field) => {
      value = field.double()
    },
    2: (field) => {
      at = wide(field.int64())
    },
  })
  return { value, at }
}

/** The one NaN that says that a series ended. Its bits do not survive every engine, so any NaN counts as it. */
const isStale = ({ value }: Point): boolean => Number.isNaN(value)

const addSeries = (collected: Collected, labels: Map<string, string>, points: ReadonlyArray<Point>): void => {
  const kept = points.filter((point) => !isStale(point))
  if (kept.length === 0) return
  const name = labels.get("__name__") ?? ""
  labels.delete("__name__")
  const series = collected.series(name, Object.fromEntries(labels) as Labels, kept.length)
  if (series === undefined) return
  for (const { value, at } of kept) collected.add(series, value, at)
}

/** Errors: throws on what is no such message, and `TooManySamples`. */
export const decodeRemoteWrite = (bytes: Uint8Array): RemoteWrite => {
  const collected = new Collected()
  let [histograms, exemplars] = [0, 0]
  const reader = readerOf(bytes)
  eachField(reader, bytes.length, {
    1: (message) => {
      const labels = new Map<string, string>()
      const points: Array<Point> = []
      nested(message, {
        1: (field) => {
          let [name, value] = ["", ""]
          nested(field, {
            1: (text) => {
              name = text.string()
            },
            2: (text) => {
              value = text.string()
            },
          })
          labels.set(name, value)
        },
        2: (field) => points.push(readPoint(field)),
        3: (field) => {
          exemplars += 1
          field.skipType(lengthDelimited)
        },
        4: (field) => {
          histograms += 1
          field.skipType(lengthDelimited)
        },
      })
      addSeries(collected, labels, points)
    },
  })
  return { collected, histograms, exemplars }
}

/** Release 2.0 names its texts by their place in a table. Errors: as above. */
export const decodeRemoteWrite2 = (bytes: Uint8Array): RemoteWrite => {
  const symbols: Array<string> = []
  const series: Array<{ readonly labels: ReadonlyArray<number>; readonly points: ReadonlyArray<Point> }> = []
  let [histograms, exemplars] = [0, 0]
  const reader = readerOf(bytes)
  eachField(reader, bytes.length, {
    4: (field) => symbols.push(field.string()),
    5: (message) => {
      const labels: Array<number> = []
      const points: Array<Point> = []
      nested(message, {
        1: (field, wireType) => repeated(field, wireType, labels, (one) => one.uint32()),
        2: (field) => points.push(readPoint(field)),
        3: (field) => {
          histograms += 1
          field.skipType(lengthDelimited)
        },
        4: (field) => {
          exemplars += 1
          field.skipType(lengthDelimited)
        },
      })
      series.push({ labels, points })
    },
  })
  const collected = new Collected()
  for (const { labels, points } of series) {
    if (labels.length % 2 !== 0) throw new RangeError("a label has no value")
    const named = new Map<string, string>()
    for (let at = 0; at < labels.length; at += 2) {
      const [name, value] = [symbols[labels[at]!], symbols[labels[at + 1]!]]
      if (name === undefined || value === undefined)
        throw new RangeError("a label is not in the table of symbols")
      named.set(name, value)
    }
    addSeries(collected, named, points)
  }
  return { collected, histograms, exemplars }
}
