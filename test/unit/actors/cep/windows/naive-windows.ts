/** What windows must come to, computed again from all their items each time. */
import type { AggregateSpec, WindowSpec } from "../../../../../actors/cep/windows/aggregates.ts"

export interface Seen {
  readonly at: number
  readonly value: number
  readonly text: string
}

/** In order of time, and of coming where times are equal. */
const ordered = (items: ReadonlyArray<Seen>) => items.toSorted((one, other) => one.at - other.at)
const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)

export const naive = (spec: AggregateSpec, unordered: ReadonlyArray<Seen>): number => {
  const items = ordered(unordered)
  const values = items.map(({ value }) => value)
  const [first, last] = [items[0], items.at(-1)]
  const mean = sum(values) / values.length
  switch (spec.function) {
    case "count":
      return items.length
    case "sum":
      return sum(values)
    case "avg":
      return mean
    case "min":
      return first === undefined ? Number.NaN : values.reduce((one, other) => Math.min(one, other))
    case "max":
      return first === undefined ? Number.NaN : values.reduce((one, other) => Math.max(one, other))
    case "stddev":
      return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length)
    case "percentile": {
      const rank = Math.floor(spec.quantile! * (values.length - 1))
      return values.toSorted((one, other) => one - other)[rank] ?? Number.NaN
    }
    case "rate": {
      let increase = 0
      for (const [index, value] of values.entries()) {
        const before = values[index - 1]
        if (before !== undefined) increase += value >= before ? value - before : value
      }
      const spanMs = (last?.at ?? 0) - (first?.at ?? 0)
      return spanMs > 0 ? (increase * 1_000) / spanMs : Number.NaN
    }
    case "delta":
      return (last?.value ?? Number.NaN) - (first?.value ?? Number.NaN)
    case "distinct":
      return new Set(items.map(({ text }) => text)).size
    case "first":
      return first?.value ?? Number.NaN
    case "last":
      return last?.value ?? Number.NaN
  }
}

/** Items that a result is of; undefined: there is none yet. */
type Content = ReadonlyArray<Seen> | undefined

/** One window of one input. */
interface Kept {
  readonly due: () => number
  readonly close: (end: number) => boolean
  readonly add: (item: Seen) => boolean
  readonly pass: (time: number) => void
  /** Nothing came until then. */
  readonly idle?: (time: number) => void
  readonly late: (item: Seen, time: number) => { readonly isTaken: boolean; readonly ends: Array<number> }
  readonly content: (correctedEnd?: number) => Content
}

const notLate = { late: () => ({ isTaken: false, ends: [] }) }

const aligned = (sizeMs: number, slideMs: number, lateness: number): Kept => {
  const items: Array<Seen> = []
  let [time, lastEnd] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  /** Of the last that closed, as it was when it closed or was corrected. */
  let result: Content
  const within = (end: number) => items.filter(({ at }) => at >= end - sizeMs && at < end)
  const endsOf = (at: number) => {
    const ends: Array<number> = []
    for (let start = Math.floor(at / slideMs) * slideMs; start + sizeMs > at; start -= slideMs)
      ends.push(start + sizeMs)
    return ends.toReversed()
  }
  return {
    due: () =>
      items.reduce((due, { at }) => Math.min(due, ...endsOf(at).filter((end) => end > time)), Infinity),
    close: (end) => {
      time = Math.max(time, end)
      if (within(end).length === 0 || !endsOf(within(end)[0]!.at).includes(end)) return false
      lastEnd = end
      result = within(end)
      return true
    },
    add: (item) => {
      items.push(item)
      return false
    },
    pass: () => {},
    idle: (until) => {
      time = Math.max(time, until)
    },
    late: (item, now) => {
      const kept = endsOf(item.at).filter((end) => end + lateness > now)
      if (kept.length > 0) items.push(item)
      const ends = kept.filter((end) => end <= now)
      if (ends.at(-1)! >= lastEnd) {
        lastEnd = ends.at(-1)!
        result = within(lastEnd)
      }
      return { isTaken: kept.length > 0, ends }
    },
    content: (correctedEnd) => (correctedEnd === undefined ? result : within(correctedEnd)),
  }
}

const sliding = (sizeMs: number): Kept => {
  const items: Array<Seen> = []
  let [now, isNew] = [Number.NEGATIVE_INFINITY, true]
  const within = () => items.filter(({ at }) => at > now - sizeMs)
  const pass = (time: number) => {
    if (!isNew) now = Math.max(now, time)
  }
  return {
    ...notLate,
    due: () => {
      const oldest = within()[0]
      return oldest === undefined ? Infinity : oldest.at + sizeMs + Math.ceil(sizeMs / 16)
    },
    close: (end) => {
      const oldest = within()[0]
      pass(end)
      return oldest !== undefined && end >= oldest.at + sizeMs + Math.ceil(sizeMs / 16)
    },
    add: (item) => {
      items.push(item)
      isNew = false
      now = item.at
      return false
    },
    pass,
    content: () => (isNew ? undefined : within()),
  }
}

const session = (gapMs: number, sizeMaxMs: number): Kept => {
  let open: Array<Seen> = []
  let closed: Content
  let endBefore = Number.NEGATIVE_INFINITY
  const times = () => open.map(({ at }) => at)
  const due = () =>
    open.length === 0 ? Infinity : Math.min(Math.max(...times()) + gapMs, Math.min(...times()) + sizeMaxMs)
  return {
    due,
    close: (end) => {
      if (end < due()) return false
      closed = open
      endBefore = due()
      open = []
      return true
    },
    add: (item) => {
      open.push(item)
      return false
    },
    pass: () => {},
    late: (item, time) => {
      const isTaken =
        open.length > 0 &&
        item.at >= endBefore &&
        item.at > Math.min(...times()) - gapMs &&
        time < item.at + sizeMaxMs
      if (isTaken) open.push(item)
      return { isTaken, ends: [] }
    },
    content: () => closed,
  }
}

const counted = (count: number, slide: number): Kept => {
  const items: Array<Seen> = []
  let result: Content
  return {
    ...notLate,
    due: () => Infinity,
    close: () => false,
    add: (item) => {
      items.push(item)
      if (items.length % slide !== 0) return false
      result = items.slice(-count)
      return slide > 1
    },
    pass: () => {},
    content: () => result,
  }
}

const keptOf = (window: WindowSpec, lateness: number): Kept => {
  switch (window.type) {
    case "tumbling":
      return aligned(window.sizeMs, window.sizeMs, lateness)
    case "hopping":
      return aligned(window.sizeMs, window.slideMs, lateness)
    case "sliding":
      return sliding(window.sizeMs)
    case "session":
      return session(window.gapMs, window.sizeMaxMs)
    case "count":
      return counted(window.count, window.slide)
  }
}

/** As `Aggregates`, with what each result is of. */
export const naiveAggregates = (specs: ReadonlyArray<AggregateSpec>, lateness: number) => {
  const kept = specs.map(({ window }) => keptOf(window, lateness))
  const contents: Array<Content> = specs.map(() => undefined)
  let time = Number.NEGATIVE_INFINITY
  const refresh = () => {
    for (const [slot, one] of kept.entries()) contents[slot] = one.content()
  }
  const advance = (until: number, closed: (end: number) => void) => {
    for (;;) {
      const end = Math.min(...kept.map((one) => one.due()))
      if (end > until) break
      const have = kept.map((one) => one.close(end))
      refresh()
      if (have.includes(true)) closed(end)
    }
    time = Math.max(time, until)
    for (const one of kept) one.idle?.(until)
  }
  return {
    contents,
    advance,
    add: (input: number, item: Seen, closed: (end: number) => void) => {
      advance(item.at, closed)
      for (const [slot, one] of kept.entries()) if (specs[slot]!.input !== input) one.pass(item.at)
      const have = kept.map((one, slot) => specs[slot]!.input === input && one.add(item))
      refresh()
      if (have.includes(true)) closed(item.at)
    },
    addLate: (input: number, item: Seen, closed: (end: number) => void): boolean => {
      const answers = kept.map((one, slot) =>
        specs[slot]!.input === input ? one.late(item, time) : { isTaken: false, ends: [] },
      )
      const ends = new Set(answers.flatMap((answer) => answer.ends))
      const before = contents.slice()
      for (const end of [...ends].toSorted((one, other) => one - other)) {
        answers.forEach((answer, slot) => {
          if (answer.ends.includes(end)) contents[slot] = kept[slot]!.content(end)
        })
        closed(end)
      }
      contents.splice(0, contents.length, ...before)
      refresh()
      return answers.some(({ isTaken }) => isTaken)
    },
  }
}
