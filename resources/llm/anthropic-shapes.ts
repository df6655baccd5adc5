/** Anthropic's Messages API from and to OpenAI's shapes. Pure. Source: the Messages API's reference, version 2023-06-01. */
import type { ChatChoice, ChatRequest, Message } from "./call.ts"
import { UpstreamFailure } from "./failure.ts"
import { llmLimits } from "./limits.ts"

/** Asked for when nobody sets a bound: the API requires one. Units: tokens. */
const answerTokensMax = 4 * llmLimits.expectedOutputTokens

type Block = Readonly<Record<string, unknown>> & { readonly type: string }

const badRequest = (field: string, reason: string) =>
  new UpstreamFailure("caller", `${field}: ${reason}`, { status: 400, param: field })

const pictureBlock = (url: string): Block => {
  const inline = /^data:(image\/[a-z+.-]+);base64,(.*)$/s.exec(url)
  return inline === null
    ? { type: "image", source: { type: "url", url } }
    : { type: "image", source: { type: "base64", media_type: inline[1], data: inline[2] } }
}

const blocksOf = (content: Message["content"]): ReadonlyArray<Block> => {
  if (content == null || content === "") return []
  if (typeof content === "string") return [{ type: "text", text: content }]
  return content.map((part): Block => {
    if (part.type === "text") return { type: "text", text: part.text }
    if (part.type === "image_url") return pictureBlock(part.image_url.url)
    throw badRequest("messages", `this model takes no parts of type ${part.type}`)
  })
}

const inputOf = (text: string): unknown => {
  try {
    return text === "" ? {} : JSON.parse(text)
  } catch {
    throw badRequest("messages", "a tool call's arguments are not valid JSON")
  }
}

const turnOf = (
  message: Message,
): { readonly role: "user" | "assistant"; readonly content: ReadonlyArray<Block> } => {
  switch (message.role) {
    case "user":
      return { role: "user", content: blocksOf(message.content) }
    case "tool":
      return {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: message.tool_call_id, content: blocksOf(message.content) },
        ],
      }
    case "assistant": {
      const calls = (message.tool_calls ?? []).map((call): Block => {
        if (call.type !== "function") throw badRequest("messages", "this model takes function calls only")
        return {
          type: "tool_use",
          id: call.id,
          name: call.function.name,
          input: inputOf(call.function.arguments),
        }
      })
      return { role: "assistant", content: [...blocksOf(message.content), ...calls] }
    }
    default:
      throw badRequest("messages", `this model takes no messages of role ${message.role}`)
  }
}

/** Results of several tools belong into one turn. */
const turnsOf = (messages: ReadonlyArray<Message>) => {
  const turns: Array<{ role: "user" | "assistant"; content: Array<Block> }> = []
  for (const message of messages) {
    const { role, content } = turnOf(message)
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...content)
    else turns.push({ role, content: [...content] })
  }
  return turns
}

const toolOf = (tool: NonNullable<ChatRequest["tools"]>[number]) => {
  if (tool.type !== "function") throw badRequest("tools", "this model takes functions only")
  const { name, description, parameters = { type: "object" } } = tool.function
  return { name, ...(description === undefined ? {} : { description }), input_schema: parameters }
}

const choiceOf = (choice: NonNullable<ChatRequest["tool_choice"]>) => {
  if (choice === "auto" || choice === "none") return { type: choice }
  if (choice === "required") return { type: "any" }
  if (choice.type === "function") return { type: "tool", name: choice.function.name }
  throw badRequest("tool_choice", "this model takes auto, none, required or one function")
}

/** What the API has no word for is refused rather than left out in silence. */
const without = ["n", "logprobs", "logit_bias", "response_format", "audio", "functions", "seed"] as const

const isDefault = (name: (typeof without)[number], value: unknown): boolean =>
  value == null ||
  value === false ||
  (name === "n" && value === 1) ||
  (name === "response_format" && (value as { type?: string }).type === "text")

export const toAnthropic = (request: ChatRequest, model: string, stream: boolean) => {
  for (const name of without)
    if (!isDefault(name, request[name])) throw badRequest(name, "this model's provider does not know it")
  const isSystem = ({ role }: Message) => role === "system" || role === "developer"
  const system = request.messages.filter(isSystem).flatMap(({ content }) => blocksOf(content))
  const { temperature, top_p: topP, stop, tools, tool_choice: choice } = request
  return {
    model,
    stream,
    max_tokens: request.max_completion_tokens ?? request.max_tokens ?? answerTokensMax,
    messages: turnsOf(request.messages.filter((message) => !isSystem(message))),
    ...(system.length === 0 ? {} : { system }),
    ...(temperature == null ? {} : { temperature: Math.min(1, temperature) }),
    ...(topP == null ? {} : { top_p: topP }),
    ...(stop == null ? {} : { stop_sequences: typeof stop === "string" ? [stop] : stop }),
    ...(tools === undefined ? {} : { tools: tools.map(toolOf) }),
    ...(choice === undefined ? {} : { tool_choice: choiceOf(choice) }),
  }
}

const reasons: Readonly<Record<string, ChatChoice["finish_reason"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
}

export const finishReason = (reason: unknown): ChatChoice["finish_reason"] =>
  reasons[String(reason)] ?? "stop"

/** One whole answer. */
export const choiceOfAnswer = (content: ReadonlyArray<Block>, reason: unknown): ChatChoice => {
  const calls = content
    .filter(({ type }) => type === "tool_use")
    .map(({ id, name, input }) => ({
      id: String(id),
      type: "function" as const,
      function: { name: String(name), arguments: JSON.stringify(input ?? {}) },
    }))
  const text = content.map(({ text: part }) => (typeof part === "string" ? part : "")).join("")
  return {
    index: 0,
    finish_reason: finishReason(reason),
    logprobs: null,
    message: {
      role: "assistant",
      content: text === "" && calls.length > 0 ? null : text,
      refusal: null,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  }
}
