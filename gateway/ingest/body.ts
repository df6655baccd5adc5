/** Bodies of foreign formats: read and unpacked within limits that hold whatever the body says of itself. */
import type { IncomingMessage } from "node:http"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import { GatewayError } from "../errors.ts"
import { readBodyBytes } from "../http/body.ts"
import { readerOf } from "./protobuf.ts"
import { uncompress } from "./snappy.ts"

/** Bytes of a body as it comes, and unpacked. Prometheus sends 2,000 samples at a time, a collector 8,192. */
export const packedBytesMax = 2 * 1024 * 1024
export const unpackedBytesMax = 8 * 1024 * 1024

const unpack = promisify(gunzip)

export const unreadable = (format: string, reason: string) =>
  new GatewayError(400, "CEP_INGEST_001", `The body is no ${format}.`, {
    reason,
    remedy: "send what the protocol's specification says; nothing of it was stored",
  })

const tooLarge = () =>
  new GatewayError(413, "GTW_BODY_001", "The request's body is too large.", {
    limit: "unpackedBytesMax",
    bytes_max: unpackedBytesMax,
    remedy: "send fewer samples at a time",
  })

const unsupported = (field: string, given: string | undefined, remedy: string) =>
  new GatewayError(415, "GTW_BODY_002", `${field} is none that is read here.`, {
    [field.toLowerCase().replaceAll("-", "_")]: given ?? "",
    remedy,
  })

export const requireType = (request: IncomingMessage, accepted: RegExp, remedy: string): string => {
  const { "content-type": type } = request.headers
  if (type === undefined || !accepted.test(type)) throw unsupported("Content-Type", type, remedy)
  return type
}

/** The block format: it begins with the length of what it unpacks to. */
export const readSnappy = async (request: IncomingMessage): Promise<Uint8Array> => {
  const { "content-encoding": encoding } = request.headers
  if (encoding !== "snappy")
    throw unsupported("Content-Encoding", encoding, "compress with snappy's block format")
  const bytes = await readBodyBytes(request, packedBytesMax)
  try {
    if (readerOf(bytes).uint32() > unpackedBytesMax) throw tooLarge()
    return uncompress(bytes, unpackedBytesMax)
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw unreadable("snappy block", "it cannot be unpacked")
  }
}

export const readGzip = async (request: IncomingMessage): Promise<Uint8Array> => {
  const { "content-encoding": encoding = "identity" } = request.headers
  if (encoding !== "identity" && encoding !== "gzip")
    throw unsupported("Content-Encoding", encoding, "send it plain, or compressed with gzip")
  const bytes = await readBodyBytes(request, encoding === "gzip" ? packedBytesMax : unpackedBytesMax)
  if (encoding === "identity") return bytes
  try {
    return await unpack(bytes, { maxOutputLength: unpackedBytesMax })
  } catch (cause) {
    if ((cause as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge()
    throw unreadable("gzip", "it cannot be unpacked")
  }
}
