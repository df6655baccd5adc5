/**
 * The few messages of the Postgres wire protocol that the multiplexer reads or writes itself;
 * everything else passes through as bytes.
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats".
 */
import { concatBytes, gssRequestCode, readUint32, sslRequestCode } from "./wire-framing.ts"

const code = (letter: string): number => letter.charCodeAt(0)

/** Message types by name, client side and server side. */
export const frontend = {
  parse: code("P"),
  close: code("C"),
  query: code("Q"),
  sync: code("S"),
  flush: code("H"),
  terminate: code("X"),
  password: code("p"),
} as const
export const backend = { notification: code("A"), readyForQuery: code("Z") } as const

/** State of the session in `ReadyForQuery`. */
export type TransactionStatus = "I" | "T" | "E"

const cancelRequestCode = 80877102

const text = new TextEncoder()
const decoder = new TextDecoder()

const message = (type: string, ...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const body = concatBytes(parts.length === 0 ? [new Uint8Array(0)] : parts)
  const bytes = new Uint8Array(5 + body.length)
  bytes[0] = code(type)
  new DataView(bytes.buffer).setUint32(1, 4 + body.length)
  bytes.set(body, 5)
  return bytes
}

const uint32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

const endOfString = (bytes: Uint8Array, start: number): number => {
  const end = bytes.indexOf(0, start)
  return end === -1 ? bytes.length : end
}

export const syncMessage = message("S")
export const closeStatementMessage = (name: string) => message("C", text.encode(`S${name}\0`))
export const queryMessage = (sql: string) => message("Q", text.encode(`${sql}\0`))
export const readyForQuery = (status: TransactionStatus) => message("Z", text.encode(status))

/** An ErrorResponse; `FATAL` tells the client that the connection is over. */
export const errorResponse = (severity: "ERROR" | "FATAL", sqlState: string, reason: string): Uint8Array =>
  message("E", text.encode(`S${severity}\0V${severity}\0C${sqlState}\0M${reason}\0\0`))

/** What the server says to a client that has started up; there is no authentication to do in process. */
export const startupReply = (pid: number, secret: number, serverVersion: string): Uint8Array => {
  const parameter = (name: string, value: string) => message("S", text.encode(`${name}\0${value}\0`))
  return concatBytes([
    message("R", uint32(0)),
    parameter("server_version", serverVersion),
    parameter("server_encoding", "UTF8"),
    parameter("client_encoding", "UTF8"),
    parameter("DateStyle", "ISO, MDY"),
    parameter("TimeZone", "UTC"),
    parameter("integer_datetimes", "on"),
    parameter("standard_conforming_strings", "on"),
    message("K", uint32(pid), uint32(secret)),
    readyForQuery("I"),
  ])
}

/** What the untyped first message asks for. */
export type StartupRequest =
  | { readonly _tag: "Encryption" }
  | { readonly _tag: "Cancel"; readonly pid: number; readonly secret: number }
  | { readonly _tag: "Session" }

export const readStartup = (bytes: Uint8Array): StartupRequest => {
  const request = readUint32(bytes, 4)
  if (request === sslRequestCode || request === gssRequestCode) return { _tag: "Encryption" }
  if (request !== cancelRequestCode) return { _tag: "Session" }
  if (bytes.length < 16) return { _tag: "Cancel", pid: 0, secret: 0 }
  return { _tag: "Cancel", pid: readUint32(bytes, 8), secret: readUint32(bytes, 12) }
}

/** Name of the prepared statement that a Parse makes or a Close drops; empty for the unnamed one and portals. */
export const statementName = (type: number, bytes: Uint8Array): string => {
  if (type === frontend.parse) return decoder.decode(bytes.subarray(5, endOfString(bytes, 5)))
  if (type !== frontend.close || bytes[5] !== code("S")) return ""
  return decoder.decode(bytes.subarray(6, endOfString(bytes, 6)))
}

const unlisten = /^\s*UNLISTEN\s+/i

/**
 * Turns UNLISTEN into LISTEN. Every client listens through the one session, so one that stops must not
 * stop the others; listening again changes nothing, and clients drop notifications they do not want.
 */
export const keepListening = (type: number, bytes: Uint8Array): Uint8Array => {
  const isParse = type === frontend.parse
  if (!isParse && type !== frontend.query) return bytes
  const start = isParse ? endOfString(bytes, 5) + 1 : 5
  const end = endOfString(bytes, start)
  // Long statements are never UNLISTEN: do not decode them.
  if (end - start > 256) return bytes
  const sql = decoder.decode(bytes.subarray(start, end))
  if (!unlisten.test(sql)) return bytes
  const target = sql.replace(unlisten, "").trim()
  const kept = text.encode(target.startsWith("*") ? "SELECT" : `LISTEN ${target}`)
  return message(String.fromCharCode(type), bytes.subarray(5, start), kept, bytes.subarray(end))
}
