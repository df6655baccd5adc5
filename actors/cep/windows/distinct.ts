/** How many different texts there are, exactly, up to a bound: then it stays at the bound. */

/** Of one window or pane of one group. Beyond it new texts are passed over, and the result says at least so many. */
export const distinctMax = 10_000
/** What is counted of a text; longer ones that begin alike are one. */
export const distinctTextMax = 256

export const distinctText = (text: string | undefined, value: number): string => {
  if (text === undefined) return String(value)
  // A copy: a slice would hold the whole text.
  return text.length > distinctTextMax ? text.slice(0, distinctTextMax).split("").join("") : text
}

const emptyBytes = 200
/** About what a text holds, with its place in a map. */
const bytesOf = (text: string): number => 110 + 2 * text.length

/** Texts that stay. */
export class DistinctTexts {
  readonly texts = new Set<string>()
  bytes = emptyBytes

  get size(): number {
    return this.texts.size
  }

  has(text: string): boolean {
    return this.texts.has(text)
  }

  add(text: string): void {
    if (this.texts.size >= distinctMax || this.texts.has(text)) return
    this.texts.add(text)
    this.bytes += bytesOf(text)
  }
}

/** One text for all samples that have it. */
export interface CountedText {
  readonly text: string
  count: number
}

/** Texts that come and go. */
export class DistinctCounts {
  private readonly counts = new Map<string, CountedText>()
  bytes = emptyBytes

  get size(): number {
    return this.counts.size
  }

  /** Undefined when it has no room. */
  add(text: string): CountedText | undefined {
    let counted = this.counts.get(text)
    if (counted === undefined) {
      if (this.counts.size >= distinctMax) return undefined
      counted = { text, count: 0 }
      this.counts.set(text, counted)
      this.bytes += bytesOf(text)
    }
    counted.count += 1
    return counted
  }

  remove(counted: CountedText): void {
    counted.count -= 1
    if (counted.count > 0) return
    this.counts.delete(counted.text)
    this.bytes -= bytesOf(counted.text)
  }
}
