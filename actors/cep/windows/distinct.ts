/** How many different texts there are, exactly, up to a bound: then it stays at the bound. */

/** Of one window or pane of one group. Beyond it new texts are passed over, and the result says at least so many. */
export const distinctMax = 10_000
/** What is counted of a text; longer ones that begin alike are one. */
export const distinctTextMax = 256

export const distinctText = (text: string | undefined, value: number): string =>
  text === undefined ? String(value) : text.length > distinctTextMax ? text.slice(0, distinctTextMax) : text

/** False when it has no room. */
export const addDistinct = (texts: Set<string>, text: string): boolean => {
  if (texts.size >= distinctMax && !texts.has(text)) return false
  texts.add(text)
  return true
}

/** About what a set of so many texts holds. */
export const bytesOfTexts = (count: number): number => 200 + 90 * count

/** Texts that come and go. */
export class DistinctCounts {
  private readonly counts = new Map<string, number>()

  get size(): number {
    return this.counts.size
  }

  bytes(): number {
    return bytesOfTexts(this.counts.size)
  }

  /** False when it has no room: then it must not be removed either. */
  add(text: string): boolean {
    const count = this.counts.get(text)
    if (count === undefined && this.counts.size >= distinctMax) return false
    this.counts.set(text, (count ?? 0) + 1)
    return true
  }

  remove(text: string): void {
    const count = this.counts.get(text) ?? 0
    if (count <= 1) this.counts.delete(text)
    else this.counts.set(text, count - 1)
  }
}
