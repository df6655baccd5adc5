/** Blocks illustrate an answer's text, which stands without them: as many go along as there is room for. Pure. */
import type { AnswerBlock } from "../../schemas/index.ts"

/** As JSON. */
export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** A smaller one that comes later may fit where a larger one did not. */
export const fittingBlocks = (blocks: ReadonlyArray<AnswerBlock>, bytesMax: number): Array<AnswerBlock> => {
  let left = bytesMax
  return blocks.filter((block) => {
    const bytes = bytesOf(block)
    if (bytes > left) return false
    left -= bytes
    return true
  })
}
