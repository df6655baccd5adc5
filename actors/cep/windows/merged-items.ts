/** Items of one pane or session, merged: a row of numbers is kept by its owner, this is the rest, where it is needed. */
import type { ByteReader, ByteWriter } from "../bytes.ts"
import type { Columns } from "./columns.ts"
import { DistinctTexts, distinctText } from "./distinct.ts"
import { Quantiles } from "./quantiles.ts"
import type { Part, Slot } from "./window-state.ts"

/** What of a set of items is not numbers of a row. */
export interface Extras {
  readonly quantiles: Quantiles | undefined
  readonly texts: DistinctTexts | undefined
}

export const noExtras: Extras = { quantiles: undefined, texts: undefined }

export const needsExtras = (part: Part): boolean => part.needsQuantiles || part.needsTexts

export const makeExtras = (part: Part): Extras => ({
  quantiles: part.needsQuantiles ? new Quantiles() : undefined,
  texts: part.needsTexts ? new DistinctTexts() : undefined,
})

/** Without room it does not grow by more than a little. False when a text was passed over because of that. */
export const addToExtras = (
  { quantiles, texts }: Extras,
  value: number,
  text: string | undefined,
  hasRoom = true,
): boolean => {
  if (quantiles !== undefined && !Number.isNaN(value)) quantiles.add(value, hasRoom)
  if (texts === undefined) return true
  const counted = distinctText(text, value)
  if (!hasRoom && !texts.has(counted)) return false
  texts.add(counted)
  return true
}

export const mergeExtras = (into: Extras, from: Extras): void => {
  if (from.quantiles !== undefined) into.quantiles?.merge(from.quantiles)
  if (from.texts === undefined) return
  for (const text of from.texts.texts) into.texts?.add(text)
}

export const encodeExtras = (extras: Extras, writer: ByteWriter): void => {
  extras.quantiles?.encode(writer)
  if (extras.texts === undefined) return
  writer.count(extras.texts.size)
  for (const text of extras.texts.texts) writer.text(text)
}

export const decodeExtras = (part: Part, reader: ByteReader): Extras => {
  const quantiles = part.needsQuantiles ? Quantiles.decode(reader) : undefined
  if (!part.needsTexts) return { quantiles, texts: undefined }
  const count = reader.count()
  const texts = new DistinctTexts()
  for (let index = 0; index < count; index++) texts.add(reader.text())
  return { quantiles, texts }
}

export const bytesOfExtras = (extras: Extras | undefined): number =>
  extras === undefined ? 0 : 40 + (extras.quantiles?.bytes() ?? 0) + (extras.texts?.bytes ?? 0)

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
