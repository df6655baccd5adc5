/** What an agent is asked by a request that OpenAI's clients make of a model: the question, and what was said before. */
import {
  type ChatMessage,
  historyCharactersMax,
  historyMessagesMax,
  type InputOf,
  messageCharactersMax,
  type modelCallEndpoints,
} from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"

export type CompletionBody = InputOf<typeof modelCallEndpoints.complete>["body"]
type Message = CompletionBody["messages"][number]

export interface CompletionQuestion {
  readonly text: string
  /** Oldest first. */
  readonly history: ReadonlyArray<ChatMessage>
}

const refused = (field: string, reason: string, remedy: string) =>
  new GatewayError(400, "GTW_BODY_006", `Invalid: ${field}.`, { field, reason, remedy })

/** What agents cannot be asked for. Settings of sampling are left aside: an agent has its own. */
const refusedFields = [
  "audio",
  "function_call",
  "functions",
  "logit_bias",
  "prediction",
  "tool_choice",
  "tools",
  "top_logprobs",
  "web_search_options",
] as const

const checkFields = (body: CompletionBody): void => {
  const refuse = (field: string, reason: string) => {
    throw refused(field, reason, "leave it out, or call a model")
  }
  for (const field of refusedFields) {
    const value = body[field]
    const isEmpty = value === undefined || value === null || value === "none"
    if (!isEmpty && !(Array.isArray(value) && value.length === 0))
      refuse(field, "an agent does not take it: it has tools of its own and answers with text.")
  }
  if ((body.n ?? 1) > 1) refuse("n", "an agent gives one answer.")
  if (body.logprobs === true) refuse("logprobs", "an agent gives no probabilities.")
  if ((body.response_format?.type ?? "text") !== "text")
    refuse("response_format", "an agent answers with text.")
  if ((body.modalities ?? []).some((modality) => modality !== "text"))
    refuse("modalities", "an agent answers with text.")
}

const textOf = ({ content, tool_calls: calls, function_call: call }: Message, place: string): string => {
  if ((calls !== undefined && calls !== null) || (call !== undefined && call !== null))
    throw refused(`${place}.tool_calls`, "an agent calls no tools of its caller.", "leave the message out")
  if (typeof content === "string") return content
  return (content ?? [])
    .map(({ type, text }, index) => {
      if (type === "text" && typeof text === "string") return text
      throw refused(`${place}.content.${index}`, "an agent reads text only.", 'send parts of type "text"')
    })
    .join("\n")
}

const roles: Readonly<Record<Message["role"], "user" | "assistant" | undefined>> = {
  // An agent has its own instructions: those of a caller are what its user says first.
  developer: "user",
  system: "user",
  user: "user",
  assistant: "assistant",
  tool: undefined,
  function: undefined,
}

const said = (message: Message, place: string, at: number): ReadonlyArray<ChatMessage> => {
  const role = roles[message.role]
  if (role === undefined)
    throw refused(`${place}.role`, "an agent calls no tools of its caller.", "leave the message out")
  const content = textOf(message, place)
  return content === "" ? [] : [{ turn: 0, role, content, at }]
}

/** The newest that an agent is given, oldest first. */
const newest = (messages: ReadonlyArray<ChatMessage>): ReadonlyArray<ChatMessage> => {
  const kept: Array<ChatMessage> = []
  let characters = 0
  for (const message of messages.toReversed()) {
    characters += message.content.length
    if (kept.length >= historyMessagesMax || characters > historyCharactersMax) break
    kept.unshift(message)
  }
  return kept
}

/** Errors: 400 `GTW_BODY_006`, which names the field. */
export const questionOf = (body: CompletionBody, now: number): CompletionQuestion => {
  checkFields(body)
  const { messages } = body
  const last = messages.length - 1
  const place = `messages.${last}`
  const question = messages[last]!
  if (question.role !== "user")
    throw refused(`${place}.role`, "the last message is the question.", 'let its role be "user"')
  const text = textOf(question, place)
  if (text === "") throw refused(`${place}.content`, "it is empty.", "say what the agent is asked")
  if (text.length > messageCharactersMax)
    throw refused(`${place}.content`, `at most ${messageCharactersMax} characters.`, "ask in fewer words")
  const before = messages.slice(0, last).flatMap((message, index) => said(message, `messages.${index}`, now))
  return { text, history: newest(before) }
}
