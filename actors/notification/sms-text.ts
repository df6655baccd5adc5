/**
 * What is said in short messages: as much as two of them hold, the most telling first. One with a character beyond the
 * alphabet of phones holds less than half. Source: 3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1
 */
import type { Notification } from "../../schemas/index.ts"
import { alertLink, numbersText, subjectOf, timeText } from "./texts.ts"

const segments = 2
/** What one of several messages holds beside what says that they belong together. */
const phoneCharacters = 153
const otherCharacters = 67

const alphabet = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
)
const twice = new Set("^{}\\[~]|€")

/** How much of its messages a text takes; more than 1: it does not fit. */
const filled = (text: string): number => {
  let size = 0
  for (const character of text) {
    if (!alphabet.has(character) && !twice.has(character)) return text.length / (segments * otherCharacters)
    size += twice.has(character) ? 2 : 1
  }
  return size / (segments * phoneCharacters)
}

/** Signs that no phone has in its alphabet, said with those that it has. */
const plain = (text: string): string => text.replaceAll("…", "...").replaceAll(" · ", "; ")

const cut = (text: string): string => {
  const characters = [...text]
  while (filled(characters.join("")) > 1) characters.pop()
  return characters.join("")
}

/** Never more than two messages hold, and never half a link. */
export const smsText = (notification: Notification, publicUrl: string | undefined): string => {
  const [first] = notification.alerts
  const subject = cut(plain(subjectOf(notification)))
  if (first === undefined || notification.reason === "collapsed") return subject
  const { annotations, status, since } = first
  const more = [
    status === "resolved" ? undefined : numbersText(first),
    alertLink(publicUrl, first),
    annotations.summary,
    status === "firing" ? `since ${timeText(since)}` : undefined,
  ]
  return more.reduce<string>((text, part) => {
    const longer = part === undefined || part === "" ? text : `${text}\n${plain(part)}`
    return filled(longer) > 1 ? text : longer
  }, subject)
}
