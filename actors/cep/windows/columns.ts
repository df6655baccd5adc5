/**
 * What is kept of a set of items to answer the functions over it: a row of numbers, with only the columns that the
 * functions need. Rows of neighbouring sets are merged into that of both, so that nothing is ever subtracted and no
 * error of rounding stays behind when items leave.
 * Source: Chan, Golub, LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
 */
import type { AggregateFunction } from "../../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "../bytes.ts"

const absent = -1

/** How much a counter grew between two samples: a lower value means that it began again at 0. */
const rise = (before: number, after: number): number => (after >= before ? after - before : after)

/** Where in a row each number is; columns that no function needs are `absent`. The first is the count of items. */
export class Columns {
  readonly width: number
  /** A row for results on their way; nothing may be kept in it. */
  readonly scratch: Float64Array
  /** Items with a number; others are counted and else passed over. */
  private readonly numbers: number
  private readonly sum: number
  private readonly min: number
  private readonly max: number
  /** Mean, and sum of the squared distances from it. */
  private readonly moments: number
  /** Time and value of the first and of the last. */
  private readonly edges: number
  private readonly increase: number

  constructor(functions: ReadonlySet<AggregateFunction>) {
    const any = (...some: ReadonlyArray<AggregateFunction>) => some.some((one) => functions.has(one))
    let width = 1
    const columns = (needed: boolean, count: number) => {
      const at = needed ? width : absent
      if (needed) width += count
      return at
    }
    this.numbers = columns(any("avg", "stddev"), 1)
    this.sum = columns(any("sum", "avg"), 1)
    this.min = columns(any("min"), 1)
    this.max = columns(any("max"), 1)
    this.moments = columns(any("stddev"), 2)
    this.edges = columns(any("first", "last", "delta", "rate"), 4)
    this.increase = columns(any("rate"), 1)
    this.width = width
    this.scratch = new Float64Array(width)
  }

  clear(rows: Float64Array, base: number): void {
    rows.fill(0, base, base + this.width)
    if (this.min !== absent) rows[base + this.min] = Number.POSITIVE_INFINITY
    if (this.max !== absent) rows[base + this.max] = Number.NEGATIVE_INFINITY
    if (this.edges !== absent) rows.fill(Number.NaN, base + this.edges, base + this.edges + 4)
  }

  /**
   * Items may come in any order of time, and of equal times in that of their coming.
   * Gotcha: an item between two that are there already does not change the increase of a counter.
   */
  add(rows: Float64Array, base: number, at: number, value: number): void {
    rows[base]! += 1
    if (Number.isNaN(value)) return
    if (this.numbers !== absent) rows[base + this.numbers]! += 1
    if (this.sum !== absent) rows[base + this.sum]! += value
    if (this.min !== absent && value < rows[base + this.min]!) rows[base + this.min] = value
    if (this.max !== absent && value > rows[base + this.max]!) rows[base + this.max] = value
    if (this.moments !== absent) {
      const mean = base + this.moments
      const distance = value - rows[mean]!
      rows[mean]! += distance / rows[base + this.numbers]!
      rows[mean + 1]! += distance * (value - rows[mean]!)
    }
    if (this.edges !== absent) this.addEdge(rows, base, at, value)
  }

  private addEdge(rows: Float64Array, base: number, at: number, value: number): void {
    const edges = base + this.edges
    if (at < rows[edges]!) {
      if (this.increase !== absent) rows[base + this.increase]! += rise(value, rows[edges + 1]!)
      rows[edges] = at
      rows[edges + 1] = value
    } else if (!(at < rows[edges + 2]!)) {
      if (Number.isNaN(rows[edges]!)) {
        rows[edges] = at
        rows[edges + 1] = value
      } else if (this.increase !== absent) rows[base + this.increase]! += rise(rows[edges + 3]!, value)
      rows[edges + 2] = at
      rows[edges + 3] = value
    }
  }

  /** Adds what is in `from` to `into`. Order: the items of `from` are the later ones. */
  merge(into: Float64Array, intoBase: number, from: Float64Array, fromBase: number): void {
    if (from[fromBase] === 0) return
    into[intoBase]! += from[fromBase]!
    if (this.moments !== absent) this.mergeMoments(into, intoBase, from, fromBase)
    if (this.numbers !== absent) into[intoBase + this.numbers]! += from[fromBase + this.numbers]!
    if (this.sum !== absent) into[intoBase + this.sum]! += from[fromBase + this.sum]!
    if (this.min !== absent && from[fromBase + this.min]! < into[intoBase + this.min]!)
      into[intoBase + this.min] = from[fromBase + this.min]!
    if (this.max !== absent && from[fromBase + this.max]! > into[intoBase + this.max]!)
      into[intoBase + this.max] = from[fromBase + this.max]!
    if (this.edges !== absent) this.mergeEdges(into, intoBase, from, fromBase)
  }

  private mergeMoments(into: Float64Array, intoBase: number, from: Float64Array, fromBase: number): void {
    const [ours, theirs] = [into[intoBase + this.numbers]!, from[fromBase + this.numbers]!]
    if (theirs === 0) return
    const [mean, other] = [intoBase + this.moments, fromBase + this.moments]
    const [all, distance] = [ours + theirs, from[other]! - into[mean]!]
    into[mean]! += (distance * theirs) / all
    into[mean + 1]! += from[other + 1]! + (distance * distance * ours * theirs) / all
  }

  private mergeEdges(into: Float64Array, intoBase: number, from: Float64Array, fromBase: number): void {
    const [edges, other] = [intoBase + this.edges, fromBase + this.edges]
    if (Number.isNaN(from[other]!)) return
    const isFirst = Number.isNaN(into[edges]!)
    if (this.increase !== absent) {
      into[intoBase + this.increase]! +=
        from[fromBase + this.increase]! + (isFirst ? 0 : rise(into[edges + 3]!, from[other + 1]!))
    }
    if (isFirst) {
      into[edges] = from[other]!
      into[edges + 1] = from[other + 1]!
    }
    into[edges + 2] = from[other + 2]!
    into[edges + 3] = from[other + 3]!
  }

  encode(rows: Float64Array, base: number, writer: ByteWriter): void {
    for (let column = 0; column < this.width; column++) writer.number(rows[base + column]!)
  }

  decode(rows: Float64Array, base: number, reader: ByteReader): void {
    for (let column = 0; column < this.width; column++) rows[base + column] = reader.number()
  }

  /** What a function comes to over the row; NaN where it has nothing to go by. Not of `percentile` and `distinct`. */
  result(name: AggregateFunction, row: Float64Array, base: number): number {
    switch (name) {
      case "count":
        return row[base]!
      case "sum":
        return row[base + this.sum]!
      case "avg":
        return row[base + this.sum]! / row[base + this.numbers]!
      case "min":
        return finiteOrNaN(row[base + this.min]!)
      case "max":
        return finiteOrNaN(row[base + this.max]!)
      case "stddev":
        return Math.sqrt(row[base + this.moments + 1]! / row[base + this.numbers]!)
      case "first":
        return row[base + this.edges + 1]!
      case "last":
        return row[base + this.edges + 3]!
      case "delta":
        return row[base + this.edges + 3]! - row[base + this.edges + 1]!
      case "rate": {
        const spanMs = row[base + this.edges + 2]! - row[base + this.edges]!
        return spanMs > 0 ? (row[base + this.increase]! * 1_000) / spanMs : Number.NaN
      }
      default:
        return Number.NaN
    }
  }
}

/** Values are finite: an infinite extreme is that of no values. */
const finiteOrNaN = (value: number): number => (Number.isFinite(value) ? value : Number.NaN)
