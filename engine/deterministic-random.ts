/**
 * Randomness for `decide`: seeded from what the journal records about a command, so that re-running the command gives
 * the same numbers. Predictable by design: never use it for secrets.
 * Source: cyrb128 seeding, sfc32 (PractRand).
 */

export interface DeterministicRandom {
  /** Uniform in [0, 1). */
  readonly next: () => number
  /** A version 4 shaped UUID (RFC 9562). */
  readonly uuid: () => string
}

const seedOf = (text: string): [number, number, number, number] => {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762]
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    a = b ^ Math.imul(a ^ code, 597399067)
    b = c ^ Math.imul(b ^ code, 2869860233)
    c = d ^ Math.imul(c ^ code, 951274213)
    d = a ^ Math.imul(d ^ code, 2716044179)
  }
  a = Math.imul(c ^ (a >>> 18), 597399067)
  b = Math.imul(d ^ (b >>> 22), 2869860233)
  c = Math.imul(a ^ (c >>> 17), 951274213)
  d = Math.imul(b ^ (d >>> 19), 2716044179)
  return [a ^ b ^ c ^ d, b ^ a, c ^ a, d ^ a]
}

export const make = (seed: string): DeterministicRandom => {
  let [a, b, c, d] = seedOf(seed)
  const word = () => {
    const sum = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (let warm = 0; warm < 12; warm++) word()
  const hex = (value: number) => value.toString(16).padStart(8, "0")
  return {
    next: () => word() / 0x1_0000_0000,
    uuid: () => {
      const digits = hex(word()) + hex(word()) + hex(word()) + hex(word())
      const variant = ((Number.parseInt(digits[16]!, 16) & 0x3) | 0x8).toString(16)
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`
    },
  }
}
