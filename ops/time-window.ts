/** Finds the span of time that a question asks about, English or Korean: "the last 5 minutes", "최근 5분". */

export interface TimeWindow {
  readonly ms: number
  /** The question without the words that told the window. */
  readonly rest: string
}

const secondMs = 1_000
const unitMs: ReadonlyArray<readonly [RegExp, number]> = [
  [/^(?:s|secs?|seconds?|초)$/, secondMs],
  [/^(?:m|mins?|minutes?|분)$/, 60 * secondMs],
  [/^(?:h|hrs?|hours?|시간)$/, 3_600 * secondMs],
  [/^(?:d|days?|일)$/, 86_400 * secondMs],
]
const numerals: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, 한: 1, 두: 2 }

/** In the order in which they are tried. "5 minute load" and "5분 로드" name a metric unless 최근 or "last" says else. */
const patterns: ReadonlyArray<RegExp> = [
  /(?:최근|지난|과거)\s*(\d+(?:\.\d+)?|한|두)\s*(초|분|시간|일)(?:\s*(?:동안|간|사이))?/,
  /(?:last|past|previous|recent)\s+(\d+(?:\.\d+)?|an?|one|two)\s*-?\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b/,
  /\b(\d+(?:\.\d+)?|an?|one|two)\s*-?\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b(?!\s*load\b)/,
  /(\d+(?:\.\d+)?|한|두)\s*(초|분|시간|일)(?:\s*(?:동안|간|사이))?(?!\s*로드)/,
]
const bare = /(?:last|past|previous)\s+(second|minute|hour|day)\b/

/** `question` in lower case. Undefined when it names no span. */
export const windowOf = (question: string): TimeWindow | undefined => {
  const single = bare.exec(question)
  const found = patterns.map((pattern) => pattern.exec(question)).find((match) => match !== null)
  const [text, amount, unit] = found ?? (single === null ? [] : [single[0], "1", single[1]])
  if (text === undefined || amount === undefined || unit === undefined) return undefined
  const factor = unitMs.find(([pattern]) => pattern.test(unit))?.[1]
  if (factor === undefined) return undefined
  return { ms: (numerals[amount] ?? Number(amount)) * factor, rest: question.replace(text, " ") }
}
