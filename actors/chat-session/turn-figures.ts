/** What a turn comes to: its size in a record, what it took, and the title that its question makes. */
import type { TokenUsage } from "../../schemas/index.ts"

export const firstTitleCharactersMax = 80

/** UTF-8 bytes of a text within JSON, to the most that one may come to. */
export const jsonBytes = (text: string): number => {
  let bytes = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20) bytes += 6
    else if (unit === 0x22 || unit === 0x5c) bytes += 2
    else if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    // Half of a pair alone is written as an escape.
    else bytes += unit >= 0xd800 && unit < 0xe000 ? 6 : 3
  }
  return bytes
}

/** Undefined where neither is known. */
export const plus = (one: TokenUsage | undefined, other: TokenUsage | undefined): TokenUsage | undefined => {
  if (one === undefined || other === undefined) return one ?? other
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    estimated: one.estimated || other.estimated,
  }
}

/** The beginning of a question, on one line. */
export const titleOf = (question: string): string =>
  [...question.replaceAll(/[\p{Cc}\s]+/gu, " ").trim()].slice(0, firstTitleCharactersMax).join("")
