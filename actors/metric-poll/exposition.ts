/**
 * Reads Prometheus' text exposition format, and of OpenMetrics what is the same in it.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

import * as Schema from "effect/Schema"
import { Labels, MetricName, type Sample } from "../../schemas/index.ts"

/** Samples of one answer that are kept. */
export const exposedSamplesMax = 10_000

const isMetricName = Schema.is(MetricName)
const isLabels = Schema.is(Labels)
const namePattern = /[a-zA-Z_:][a-zA-Z0-9_:]*/uy
const labelPattern = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\.)*)"\s*(,|(?=\}))/uy
const restPattern = /\s+([^\s#]+)(?:\s+(-?[0-9.]+))?\s*(?:#.*)?$/uy

const escapes: Readonly<Record<string, string>> = { "\\n": "\n", '\\"': '"', "\\\\": "\\" }
const unescaped = (text: string): string => text.replaceAll(/\\[n"\\]/gu, (escape) => escapes[escape]!)

const numberOf = (text: string): number => {
  const special: Readonly<Record<string, number>> = {
    "+Inf": Number.POSITIVE_INFINITY,
    Inf: Number.POSITIVE_INFINITY,
    "-Inf": Number.NEGATIVE_INFINITY,
    NaN: Number.NaN,
  }
  return (
    special[text] ??
    (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/u.test(text) ? Number(text) : Number.NaN)
  )
}

const match = (pattern: RegExp, line: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(line)
}

/** Undefined for a line that is none of this format. Times are milliseconds; undefined where the line has none. */
const readLine = (line: string): (Omit<Sample, "at"> & { readonly at: number | undefined }) | undefined => {
  const name = match(namePattern, line, 0)
  if (name === null || !isMetricName(name[0])) return undefined
  let at = name[0].length
  const labels: Record<string, string> = {}
  if (line[at] === "{") {
    at += 1
    while (!/^\s*\}/u.test(line.slice(at, at + 2)) && line[at] !== "}") {
      const label = match(labelPattern, line, at)
      if (label === null) return undefined
      labels[label[1]!] = unescaped(label[2]!)
      at += label[0].length
    }
    at = line.indexOf("}", at) + 1
  }
  const rest = match(restPattern, line, at)
  if (rest === null || !isLabels(labels)) return undefined
  return {
    name: name[0],
    labels,
    value: numberOf(rest[1]!),
    at: rest[2] === undefined ? undefined : Number(rest[2]),
  }
}

export interface Exposed {
  readonly samples: ReadonlyArray<Sample>
  /** The first line that could not be read, counted from 1. */
  readonly badLine?: number
  readonly truncated: boolean
}

/** The samples of the names that are wanted; those without a time of their own are of `now`. */
export const readExposition = (text: string, names: ReadonlySet<string>, now: number): Exposed => {
  const samples: Array<Sample> = []
  let badLine: number | undefined
  let number = 0
  for (const line of text.split("\n")) {
    number += 1
    const content = line.trim()
    if (content === "" || content.startsWith("#")) continue
    const read = readLine(content)
    if (read === undefined) {
      badLine ??= number
      continue
    }
    if (!names.has(read.name) || !Number.isFinite(read.value)) continue
    if (samples.length >= exposedSamplesMax)
      return { samples, truncated: true, ...(badLine === undefined ? {} : { badLine }) }
    samples.push({ ...read, at: read.at ?? now })
  }
  return { samples, truncated: false, ...(badLine === undefined ? {} : { badLine }) }
}
