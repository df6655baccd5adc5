/**
 * Turns any text into one subject token and back. Changing this moves data: stored keys would no longer be found.
 * Shape: letters, digits, `_` and `-` stay, every other UTF-8 byte becomes `=` and two hexadecimal digits.
 */
import { createHash } from "node:crypto"

/** Leaves room in the server's 4,096 byte protocol line for the rest of the subject, the reply and the sizes. */
const tokenCharactersMax = 2_048
const encoder = new TextEncoder()
const plainText = /^[A-Za-z0-9_-]+$/
const hashed = "=="

/** Gotcha: a text whose token would be too long is hashed (`==` and SHA-256) and can not be decoded. */
export const encodeToken = (text: string): string => {
  if (plainText.test(text)) return text.length > tokenCharactersMax ? hash(text) : text
  if (text === "") return "=00=00"
  let token = ""
  for (const byte of encoder.encode(text)) {
    const character = String.fromCharCode(byte)
    token += plainText.test(character) ? character : `=${byte.toString(16).padStart(2, "0").toUpperCase()}`
  }
  return token.length > tokenCharactersMax ? hash(text) : token
}

export const decodeToken = (token: string): string | undefined => {
  if (token.startsWith(hashed)) return undefined
  if (token === "=00=00") return ""
  return decodeURIComponent(token.replaceAll("=", "%"))
}

const hash = (text: string): string => hashed + createHash("sha256").update(text).digest("base64url")
