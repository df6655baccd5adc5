/** Decides once per rule how its aggregates are kept: which windows share panes, and which numbers are needed of them. */
import type { AggregateFunction } from "../../../schemas/index.ts"
import type { AggregateSpec, AggregatesPlan, WindowSpec } from "./aggregates.ts"
import { Columns } from "./columns.ts"
import { GroupAggregates } from "./group-aggregates.ts"
import { type PanedWindow, type PanesPart, PanesWindow } from "./panes-window.ts"
import { SamplesWindow, slidingSlackPart } from "./samples-window.ts"
import { type SessionPart, SessionWindow } from "./session-window.ts"
import { sharing } from "./sharing.ts"
import type { Part, SamplesPart, Slot } from "./window-state.ts"

/** Of one window. What would need more to share its panes with other windows has panes of its own. */
export const panesMax = 4_096
/**
 * How often all hopping windows of a rule end within their own length, as those of a day by the minute do: so many results
 * one item can bring about that comes after a pause, or late.
 */
export const endsMax = 1_440
/**
 * Of windows with percentiles or different texts, and those that share panes with them: panes that are merged one by one
 * for all these results together, as for those of an hour by the minute, and for those that one late item corrects.
 */
export const mergesMax = 3_600
export const lateMergesMax = 300
/** How far back a window by count is filled again: there is no time by which it would be full. */
const countReachMs = 86_400_000

const greatestDivisor = (one: number, other: number): number =>
  other === 0 ? one : greatestDivisor(other, one % other)

/** Why a window cannot be kept, and what to do about it. */
export const windowProblem = (
  window: WindowSpec,
): { readonly problem: string; readonly remedy: string } | undefined => {
  const times =
    window.type === "session"
      ? [window.gapMs, window.sizeMaxMs]
      : window.type === "count"
        ? [window.count, window.slide]
        : window.type === "hopping"
          ? [window.sizeMs, window.slideMs]
          : [window.sizeMs]
  if (times.some((time) => !(time > 0)))
    return { problem: "a window has no length", remedy: "give it one above 0" }
  if (window.type !== "hopping") return undefined
  if (window.slideMs > window.sizeMs)
    return { problem: "items between its windows would be in none", remedy: "slide by at most its size" }
  const panes = window.sizeMs / greatestDivisor(window.sizeMs, window.slideMs)
  return panes > panesMax
    ? {
        problem: `it would be kept in ${panes} parts, at most ${panesMax} are`,
        remedy: "let the slide divide the size, or slide further",
      }
    : undefined
}

const remedy = "slide further, let aggregates have the same window, or make several rules"

/** Why windows cannot be kept together in one rule, and what to do about it. */
export const windowsProblem = (
  specs: ReadonlyArray<AggregateSpec>,
  allowedLatenessMs: number,
): { readonly problem: string; readonly remedy: string } | undefined => {
  let [ends, merges, lateMerges] = [0, 0, 0]
  for (const { sizeMs, slideMs, paneMs, isCostly } of panedOf(specs)) {
    const overlaps = sizeMs / slideMs
    const closed = Math.min(overlaps, Math.ceil(allowedLatenessMs / slideMs))
    if (slideMs < sizeMs) ends += overlaps
    if (isCostly) merges += overlaps * (sizeMs / paneMs)
    if (isCostly) lateMerges += closed * (sizeMs / paneMs)
  }
  if (ends > endsMax)
    return {
      problem: `hopping windows overlap ${Math.ceil(ends)} times, at most ${endsMax} in one rule`,
      remedy,
    }
  if (merges > mergesMax)
    return {
      problem: `windows with percentiles or distinct merge ${Math.ceil(merges)} parts for one item, at most ${mergesMax} in one rule`,
      remedy,
    }
  return lateMerges > lateMergesMax
    ? {
        problem: `windows with percentiles or distinct merge ${Math.ceil(lateMerges)} parts for a late item, at most ${lateMergesMax} in one rule`,
        remedy: "slide further, or allow less lateness",
      }
    : undefined
}

/** Its tumbling and hopping windows with the panes in which they are kept. */
const panedOf = (specs: ReadonlyArray<AggregateSpec>) => {
  const { paned } = partedOf(specs)
  return [...paned.values()].flatMap(sharedPanes).flatMap(({ paneMs, windows }) => {
    const isCostly = windows.some(({ slots }) => slots.some(isMergedOneByOne))
    return windows.map(({ sizeMs, slideMs }) => ({ sizeMs, slideMs, paneMs, isCostly }))
  })
}

const isMergedOneByOne = ({ function: name }: Slot): boolean => name === "percentile" || name === "distinct"

const functionsOf = (slots: ReadonlyArray<Slot>): ReadonlySet<AggregateFunction> =>
  new Set(slots.map((slot) => slot.function))

const sharedColumns = sharing<Columns>()
const sharedSlots = sharing<ReadonlyArray<Slot>>()
const sharedPlaces = sharing<ReadonlyArray<ReadonlyArray<number>>>()
const sharedPlans = sharing<AggregatesPlan>()

const shareSlots = (slots: ReadonlyArray<Slot>) => sharedSlots(JSON.stringify(slots), () => slots)

const needsOf = (input: number, functions: ReadonlySet<AggregateFunction>) => ({
  input,
  columns: sharedColumns([...functions].toSorted().join(), () => new Columns(functions)),
  needsQuantiles: functions.has("percentile"),
  needsTexts: functions.has("distinct"),
})

const samplesPart = (
  input: number,
  limits: Pick<SamplesPart, "sizeMs" | "count" | "slide">,
  slots: ReadonlyArray<Slot>,
): SamplesPart => {
  const part: SamplesPart = {
    ...needsOf(input, functionsOf(slots)),
    ...limits,
    slots,
    make: (held) => new SamplesWindow(part, held),
    decode: (reader, held) => SamplesWindow.decode(part, reader, held),
  }
  return part
}

const sessionPart = (
  input: number,
  limits: Pick<SessionPart, "gapMs" | "sizeMaxMs">,
  slots: ReadonlyArray<Slot>,
): SessionPart => {
  const part: SessionPart = {
    ...needsOf(input, functionsOf(slots)),
    ...limits,
    slots,
    make: (held) => new SessionWindow(part, held),
    decode: (reader, held) => SessionWindow.decode(part, reader, held),
  }
  return part
}

const panesPart = (
  input: number,
  paneMs: number,
  windows: ReadonlyArray<PanedWindow>,
  allowedLatenessMs: number,
): PanesPart => {
  const part: PanesPart = {
    ...needsOf(input, functionsOf(windows.flatMap(({ slots }) => slots))),
    paneMs,
    sizeMaxMs: Math.max(...windows.map(({ sizeMs }) => sizeMs)),
    allowedLatenessMs,
    windows,
    make: (held) => new PanesWindow(part, held),
    decode: (reader, held) => PanesWindow.decode(part, reader, held),
  }
  return part
}

/** Puts windows together as long as none of them comes to more than `panesMax` panes. */
const sharedPanes = (windows: ReadonlyArray<PanedWindow>) => {
  const shares: Array<{ paneMs: number; readonly windows: Array<PanedWindow> }> = []
  for (const window of windows) {
    const own = greatestDivisor(window.sizeMs, window.slideMs)
    const share = shares.find((other) => {
      const sizeMaxMs = Math.max(window.sizeMs, ...other.windows.map(({ sizeMs }) => sizeMs))
      return sizeMaxMs / greatestDivisor(own, other.paneMs) <= panesMax
    })
    if (share === undefined) shares.push({ paneMs: own, windows: [window] })
    else {
      share.paneMs = greatestDivisor(own, share.paneMs)
      share.windows.push(window)
    }
  }
  return shares
}

/** Functions over the same window of the same input, together. */
const byWindow = (specs: ReadonlyArray<AggregateSpec>) => {
  const groups = new Map<string, { spec: AggregateSpec; readonly slots: Array<Slot> }>()
  for (const [slot, spec] of specs.entries()) {
    const key = JSON.stringify([spec.input, Object.entries(spec.window).toSorted()])
    const group = groups.get(key) ?? { spec, slots: [] }
    group.slots.push({ slot, function: spec.function, quantile: spec.quantile ?? Number.NaN })
    groups.set(key, group)
  }
  return [...groups.values()].map(({ spec, slots }) => ({ spec, slots: shareSlots(slots) }))
}

/** Parts of their own, and by input the windows that may share panes. */
const partedOf = (specs: ReadonlyArray<AggregateSpec>) => {
  const parts: Array<Part> = []
  const paned = new Map<number, Array<PanedWindow>>()
  for (const { spec, slots } of byWindow(specs)) {
    const { window, input } = spec
    if (window.type === "sliding")
      parts.push(
        samplesPart(input, { sizeMs: window.sizeMs, count: Number.POSITIVE_INFINITY, slide: 1 }, slots),
      )
    else if (window.type === "count")
      parts.push(
        samplesPart(
          input,
          { sizeMs: Number.POSITIVE_INFINITY, count: window.count, slide: window.slide },
          slots,
        ),
      )
    else if (window.type === "session") parts.push(sessionPart(input, window, slots))
    else {
      const slideMs = window.type === "hopping" ? window.slideMs : window.sizeMs
      const windows = paned.get(input) ?? []
      windows.push({ sizeMs: window.sizeMs, slideMs, slots })
      paned.set(input, windows)
    }
  }
  return { parts, paned }
}

const partsOf = (specs: ReadonlyArray<AggregateSpec>, allowedLatenessMs: number): ReadonlyArray<Part> => {
  const { parts, paned } = partedOf(specs)
  for (const [input, windows] of paned)
    for (const share of sharedPanes(windows))
      parts.push(panesPart(input, share.paneMs, share.windows, allowedLatenessMs))
  return parts
}

const reachOf = (window: WindowSpec): number => {
  switch (window.type) {
    case "tumbling":
      return 2 * window.sizeMs
    case "hopping":
      return window.sizeMs + window.slideMs
    case "sliding":
      return window.sizeMs + Math.ceil(window.sizeMs / slidingSlackPart)
    case "session":
      return window.sizeMaxMs
    case "count":
      return countReachMs
  }
}

/** The same for the same aggregates. Gotcha: their windows must have no `windowProblem`. */
export const planAggregates = (
  specs: ReadonlyArray<AggregateSpec>,
  allowedLatenessMs: number,
): AggregatesPlan =>
  sharedPlans(JSON.stringify([specs, allowedLatenessMs]), () => makePlan(specs, allowedLatenessMs))

const makePlan = (specs: ReadonlyArray<AggregateSpec>, allowedLatenessMs: number): AggregatesPlan => {
  const parts = partsOf(specs, allowedLatenessMs)
  const inputs = Math.max(-1, ...specs.map(({ input }) => input)) + 1
  const places = Array.from({ length: inputs }, (_, input) =>
    parts.flatMap((part, index) => (part.input === input ? [index] : [])),
  )
  const plan = {
    slots: specs.length,
    parts,
    partsOf: sharedPlaces(JSON.stringify(places), () => places),
  }
  return {
    specs,
    allowedLatenessMs,
    reachMs: allowedLatenessMs + Math.max(0, ...specs.map(({ window }) => reachOf(window))),
    changesWithItems: specs.some(
      ({ window }) => window.type === "sliding" || (window.type === "count" && window.slide === 1),
    ),
    make: (held) => new GroupAggregates(plan, held),
    decode: (reader, held) => GroupAggregates.decode(plan, reader, held),
  }
}
