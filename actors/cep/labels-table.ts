/** Labels in the bytes of a state: those that several items share are written once. */
import type { Labels } from "../../schemas/index.ts"
import type { ByteWriter } from "./bytes.ts"

export class LabelsTable {
  private readonly indices = new Map<Labels, number>()
  private readonly texts = new Map<string, number>()
  private readonly writer: () => ByteWriter

  /** `writer`: where labels go that were not there before. */
  constructor(writer: () => ByteWriter) {
    this.writer = writer
  }

  indexOf(labels: Labels): number {
    const known = this.indices.get(labels)
    if (known !== undefined) return known
    const text = JSON.stringify(labels)
    const index = this.texts.get(text) ?? this.texts.size
    this.indices.set(labels, index)
    if (index === this.texts.size) {
      this.texts.set(text, index)
      const writer = this.writer()
      writer.byte(1)
      writer.text(text)
    }
    return index
  }
}
