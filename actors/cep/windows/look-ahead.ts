/**
 * Numbers of long windows are far from the processor, and which window is next nobody foresees. What a window's next items
 * need is read together once in a while: that takes about as long as reading one of them.
 */

/** As many numbers as come from memory at once. */
const lineNumbers = 8
/** So that reading cannot be left out. */
const read = new Float64Array(1)

export const lookAhead = (numbers: Float64Array, from: number, count: number): void => {
  const to = Math.min(from + count, numbers.length)
  let sum = 0
  for (let place = from; place < to; place += lineNumbers) sum += numbers[place]!
  read[0] = sum
}
