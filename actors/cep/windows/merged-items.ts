/** Items of one pane or session, merged: a row of numbers is kept by its owner, this is the rest, where it is needed. */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Columns } from "./columns.ts"
import { addDistinct, bytesOfTexts, distinctText } from "./distinct.ts"
import { Quantiles } from "./quantiles.ts"
import type { Part, Slot } from "./window-state.ts"

/** What of a set of items is not numbers of a row. */
export interface Extras {
  readonly quantiles: Quantiles | undefined
  readonly texts: Set<string> | undefined
}

export const noExtras: Extras = { quantiles: undefined, texts: undefined }

export const needsExtras = (part: Part): boolean => part.needsQuantiles || part.needsTexts

export const makeExtras = (part: Part): Extras => ({
  quantiles: part.needsQuantiles ? new Quantiles() : undefined,
  texts: part.needsTexts ? new Set() : undefined,
})

export const addToExtras = (extras: Extras, value: number, text: string | undefined): void => {
  if (extras.quantiles !== undefined && !Number.isNaN(value)) extras.quantiles.add(value)
  if (extras.texts !== undefined) addDistinct(extras.texts, distinctText(text, value))
}

export const mergeExtras = (into: Extras, from: Extras): void => {
  if (from.quantiles !== undefined) into.quantiles?.merge(from.quantiles)
  if (from.texts === undefined || into.texts === undefined) return
  for (const text of from.texts) addDistinct(into.texts, text)
}

export const encodeExtras = (extras: Extras, writer: ByteWriter): void => {
  extras.quantiles?.encode(writer)
  if (extras.texts === undefined) return
  writer.count(extras.texts.size)
  for (const text of extras.texts) writer.text(text)
}

export const decodeExtras = (part: Part, reader: ByteReader): Extras => {
  const quantiles = part.needsQuantiles ? Quantiles.decode(reader) : undefined
  if (!part.needsTexts) return { quantiles, texts: undefined }
  const count = reader.count()
  const texts = new Set<string>()
  for (let index = 0; index < count; index++) texts.add(reader.text())
  return { quantiles, texts }
}

export const bytesOfExtras = (extras: Extras | undefined): number =>
  extras === undefined
    ? 0
    : 40 +
      (extras.quantiles?.bytes() ?? 0) +
      (extras.texts === undefined ? 0 : bytesOfTexts(extras.texts.size))

export const writeResults = (
  columns: Columns,
  slots: ReadonlyArray<Slot>,
  row: Float64Array,
  base: number,
  quantiles: Quantiles | undefined,
  texts: { readonly size: number } | undefined,
  into: Float64Array,
): void => {
  for (let index = 0; index < slots.length; index++) {
    const { slot, function: name, quantile } = slots[index]!
    if (name === "percentile") into[slot] = quantiles?.at(quantile) ?? Number.NaN
    else if (name === "distinct") into[slot] = texts?.size ?? 0
    else into[slot] = columns.result(name, row, base)
  }
}
