/**
 * How long after a message was stored its evaluation was done, and what that cost: of the last minutes, by message. Rules of
 * a lane are evaluated together, so this is each of its rules'. Gotcha: the server's clock says when it was stored, and
 * this node's when it was evaluated.
 */

/** One period is filled while the one before is still counted. */
const periodMs = 150_000
const growth = 1.2
const bucketCount = 100
const bucketOf = (ms: number): number =>
  ms < 1 ? 0 : Math.min(bucketCount - 1, 1 + Math.floor(Math.log(ms) / Math.log(growth)))
/** The longest that falls into it. */
const boundOf = (bucket: number): number => growth ** bucket

export interface LatencyFigures {
  /** Milliseconds; the first two are at most a fifth too high. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

interface Period {
  readonly counts: Float64Array
  messages: number
  max: number
  items: number
  busyMs: number
}

const empty = (): Period => ({
  counts: new Float64Array(bucketCount),
  messages: 0,
  max: 0,
  items: 0,
  busyMs: 0,
})

export class Latency {
  private before = empty()
  private current = empty()
  private since: number

  constructor(now: number) {
    this.since = now
  }

  /** A message with so many items was stored so long ago, and was evaluated in `busyMs`. */
  note(now: number, latencyMs: number, items: number, busyMs: number): void {
    this.turn(now)
    const { current } = this
    const ms = Math.max(0, latencyMs)
    current.counts[bucketOf(ms)]! += 1
    current.messages += 1
    if (ms > current.max) current.max = ms
    current.items += items
    current.busyMs += busyMs
  }

  private turn(now: number): void {
    if (now - this.since < periodMs) return
    this.before = now - this.since < 2 * periodMs ? this.current : empty()
    this.current = empty()
    this.since = now
  }

  /** Undefined when nothing was evaluated. */
  figures(now: number): LatencyFigures | undefined {
    this.turn(now)
    const both = [this.before, this.current]
    const messages = both.reduce((sum, period) => sum + period.messages, 0)
    if (messages === 0) return undefined
    const max = Math.max(...both.map((period) => period.max))
    const share = (part: number): number => {
      let left = Math.ceil(messages * part)
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        left -= this.before.counts[bucket]! + this.current.counts[bucket]!
        if (left <= 0) return Math.min(max, boundOf(bucket))
      }
      return max
    }
    return { p50: share(0.5), p99: share(0.99), max }
  }

  /** Microseconds of this process for one sample or event, with all rules that it concerns. 0 when nothing was evaluated. */
  microsPerItem(now: number): number {
    this.turn(now)
    const items = this.before.items + this.current.items
    return items === 0 ? 0 : ((this.before.busyMs + this.current.busyMs) * 1_000) / items
  }
}
