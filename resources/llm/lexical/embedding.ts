/**
 * The offline embedder: vectors from words, pieces of words and concepts that two languages share, hashed into a fixed
 * number of dimensions. Deterministic and honest about what it is: texts are alike when they share spellings or rows of
 * the table in `bridge.ts`, not when they mean the same. Source: the hashing trick, Weinberger et al. 2009.
 */
import { isHangul, type Word, wordsOf } from "./words.ts"

/** Goes into rows beside each vector: raise it when texts get other vectors. */
export const lexicalModel = "offline-lexical-1"
/** Chance alone makes two texts alike by 1/√dimensions: bench/recommend has the figures. */
export const lexicalDimensions = 1_024

/** Two features that meet by chance meet in one of these, not with all their weight. */
const placesOfFeature = 4

/** What of a word's weight each kind of feature carries. */
const shares = { word: 0.7, concept: 1, pieces: 0.5 } as const

const piecesOf = ({ stem }: Word): ReadonlyArray<string> => {
  const [text, length] = isHangul(stem) ? [stem, 2] : [`^${stem}$`, 3]
  return Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
}

const add = (features: Map<string, number>, name: string, weight: number) =>
  features.set(name, (features.get(name) ?? 0) + weight)

const featuresOf = (text: string): ReadonlyMap<string, number> => {
  const features = new Map<string, number>()
  for (const word of wordsOf(text)) {
    const { stem, concepts, weight } = word
    add(features, `w ${stem}`, shares.word * weight)
    for (const concept of concepts) add(features, `c ${concept}`, shares.concept * weight)
    const pieces = piecesOf(word)
    for (const piece of pieces)
      add(features, `p ${piece}`, (shares.pieces * weight) / Math.sqrt(pieces.length))
  }
  return features
}

const mix = (bits: number): number => {
  let value = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** FNV-1a, with a last mix so that all bits depend on all characters. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(value)
}

/** Said twice counts less than twice. */
const damped = (weight: number): number => (weight <= 1 ? weight : 1 + Math.log(weight))

/** Of length 1; of a text that says nothing all zeros. */
export const lexicalVector = (text: string, dimensions: number = lexicalDimensions): Float32Array => {
  const vector = new Float32Array(dimensions)
  for (const [name, weight] of featuresOf(text)) {
    let hashed = hash(name)
    for (let place = 0; place < placesOfFeature; place++) {
      vector[(hashed >>> 1) % dimensions]! += (hashed & 1) === 0 ? damped(weight) : -damped(weight)
      hashed = mix(hashed + place + 1)
    }
  }
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((value) => value / length)
}
