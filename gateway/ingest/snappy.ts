/** The block format of snappy. Source: https://github.com/google/snappy/blob/main/format_description.txt */
// @ts-expect-error: the package has no types
import snappyjs from "snappyjs"

interface Snappy {
  /** Errors: throws on what is no snappy block, or unpacks to more than `bytesMax`. */
  readonly uncompress: (block: Uint8Array, bytesMax?: number) => Uint8Array
  readonly compress: (bytes: Uint8Array) => Uint8Array
}

export const { uncompress, compress } = snappyjs as Snappy
