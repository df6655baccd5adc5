/** Latencies counted in buckets that grow by a fiftieth: percentiles within 2 %, in constant memory. */

const growth = Math.log(1.02)
const smallestMs = 0.01

export class LatencyCounts {
  total = 0
  #max = 0
  readonly #buckets: Array<number> = []

  add(milliseconds: number): void {
    const bucket = Math.max(0, Math.floor(Math.log(milliseconds / smallestMs) / growth))
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1
    this.total += 1
    if (milliseconds > this.#max) this.#max = milliseconds
  }

  percentile(fraction: number): number {
    let left = this.total * fraction
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket] ?? 0
      if (left <= 0) return Number((smallestMs * Math.exp((bucket + 1) * growth)).toFixed(2))
    }
    return this.#max
  }

  summary() {
    const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((fraction) => this.percentile(fraction)) as [
      number,
      number,
      number,
      number,
    ]
    return { p50, p90, p99, p999, max: Number(this.#max.toFixed(2)) }
  }
}
