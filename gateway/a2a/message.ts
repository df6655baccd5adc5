/** A message of the public protocol as a task is given it: who speaks, what text and data it holds. */
import { type Message, type Part, Role } from "@a2a-js/sdk"
import { messageCharactersMax, messagePartsMax, type TaskPart } from "../../schemas/index.ts"
import { textProblem } from "../http/json-content.ts"
import { malformed, wrongContent } from "./failure.ts"

export const idCharactersMax = 256
/** Media types that an agent takes; any text counts as plain text. */
export const inputModes = ["text/plain", "application/json"]
export const outputModes = ["text/plain", "application/json"]

export interface Said {
  readonly messageId: string
  readonly text: string
  /** The parts as they were sent; absent when they are one text. */
  readonly parts: ReadonlyArray<TaskPart> | undefined
}

const requireId = (field: string, id: string): void => {
  if (id.length > idCharactersMax) throw malformed(field, `has more than ${idCharactersMax} characters`)
  const problem = textProblem(id)
  if (problem !== undefined) throw malformed(field, `is not valid: ${problem}`)
}

const isText = (mediaType: string): boolean => mediaType === "" || /^text(?:\/|$)/i.test(mediaType)
const isJson = (mediaType: string): boolean =>
  mediaType === "" || /^application\/(?:[\w.-]+\+)?json$/i.test(mediaType)

const partOf = ({ content, mediaType }: Part, index: number): TaskPart => {
  switch (content?.$case) {
    case "text":
      if (!isText(mediaType) && !isJson(mediaType)) throw wrongContent(mediaType)
      return { text: content.value }
    case "data":
      if (!isJson(mediaType)) throw wrongContent(mediaType)
      return { data: content.value ?? null }
    case "raw":
    case "url":
      throw wrongContent(mediaType === "" ? "files" : mediaType)
    default:
      throw malformed(`message.parts[${index}]`, "has no content")
  }
}

/** Data is given to the agent as JSON. */
const textOf = (part: TaskPart): string => ("text" in part ? part.text : JSON.stringify(part.data))

/** Throws what the protocol says of a message that an agent cannot take. */
export const saidIn = (message: Message | undefined): Said => {
  if (message === undefined) throw malformed("message", "is missing")
  const { messageId, role, parts, contextId, taskId } = message
  if (messageId === "") throw malformed("message.messageId", "is missing")
  requireId("message.messageId", messageId)
  requireId("message.contextId", contextId)
  requireId("message.taskId", taskId)
  if (role !== Role.ROLE_USER) throw malformed("message.role", "has to be the user's")
  if (parts.length === 0) throw malformed("message.parts", "is empty")
  if (parts.length > messagePartsMax)
    throw malformed("message.parts", `has more than ${messagePartsMax} parts`)
  const taken = parts.map(partOf)
  const text = taken.map(textOf).join("\n")
  if (text.trim() === "") throw malformed("message.parts", "says nothing")
  if (text.length > messageCharactersMax)
    throw malformed("message.parts", `has more than ${messageCharactersMax} characters`)
  const isPlain = taken.length === 1 && "text" in taken[0]!
  return { messageId, text, parts: isPlain ? undefined : taken }
}
