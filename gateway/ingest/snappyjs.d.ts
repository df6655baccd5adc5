declare module "snappyjs" {
  /** Errors: throws on what is no snappy block, or unpacks to more than `maxLength` bytes. */
  export const uncompress: (compressed: Uint8Array, maxLength?: number) => Uint8Array
  export const compress: (bytes: Uint8Array) => Uint8Array
}
