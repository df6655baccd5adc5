/**
 * The agents that are a prompt, tools and a language model. The model is called as whoever asks, so that grants, budgets
 * and limits are this one's. Tools only read: after a crash the whole answer simply runs again.
 */
import * as Effect from "effect/Effect"
import { ActivityFailure } from "../../../../engine/index.ts"
import type { ChatRequest } from "../../../../resources/index.ts"
import type { ChatMessage, TokenUsage } from "../../../../schemas/index.ts"
import { conversationOf, toSummarize } from "../../conversation.ts"
import type { AgentFramework, AnswerCall, Outcome } from "../../framework.ts"
import { askModel, type ModelAnswer, type ToolCall } from "./ask-model.ts"
import { type ChosenModel, modelCallerOf, modelFor, noUsage, sumOf } from "./model.ts"
import { type Message, messagesOf } from "./prompt.ts"
import { readingToolsFor } from "./reading-tools.ts"
import { type HandOver, runTools } from "./run-tools.ts"
import { summarize } from "./summary.ts"
import { declarationOf, type Tool } from "./tool.ts"
import { transfersFor } from "./transfers.ts"

/** How often the tools may be called before the model has to answer. */
export const toolRoundsMax = 6

const noAnswer = () =>
  new ActivityFailure({ code: "NoAnswer", detail: "the model answered nothing; ask again", retryable: false })

/** Providers refuse what they would not have written themselves. */
const calledAgain = ({ id, name, arguments: json }: ToolCall) => ({
  id,
  type: "function" as const,
  function: {
    name: name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "unnamed",
    arguments: objectOr(json),
  },
})

const objectOr = (json: string): string => {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? json : "{}"
  } catch {
    return "{}"
  }
}

const spoken = ({ text, calls }: ModelAnswer): Message => ({
  role: "assistant",
  content: text === "" ? null : text,
  tool_calls: calls.map(calledAgain),
})

/** One answer while it is made. */
class Answering {
  usage: TokenUsage = noUsage
  plan: string | undefined
  #hasSaid = false
  #needsBreak = false
  readonly #call: AnswerCall
  readonly #model: ChosenModel

  constructor(call: AnswerCall, model: ChosenModel) {
    this.#call = call
    this.#model = model
  }

  get hasSaid(): boolean {
    return this.#hasSaid
  }

  /** What is said after tools were called is a paragraph of its own. */
  readonly #say = (text: string) => {
    if (text === "") return this.#call.say(text)
    const piece = this.#needsBreak ? `\n\n${text}` : text
    this.#needsBreak = false
    this.#hasSaid = true
    return this.#call.say(piece)
  }

  readonly ask = (messages: Array<Message>, tools: ReadonlyArray<Tool>, mayCall: boolean) => {
    const { temperature, outputTokensMax } = this.#call.view.llm ?? {}
    const request: ChatRequest = {
      messages,
      ...(temperature === undefined ? {} : { temperature }),
      ...(outputTokensMax === undefined ? {} : { max_completion_tokens: outputTokensMax }),
      ...(tools.length === 0 ? {} : { tools: tools.map(declarationOf) }),
      ...(tools.length === 0 || mayCall ? {} : { tool_choice: "none" as const }),
    }
    const asked = { caller: modelCallerOf(this.#call), model: this.#model.name, request }
    return askModel(this.#call.platform.llm, asked, this.#say, !this.#hasSaid).pipe(
      Effect.tap(({ usage }) =>
        Effect.sync(() => {
          this.usage = sumOf(this.usage, usage)
          this.#needsBreak = this.#hasSaid
        }),
      ),
    )
  }

  /** Undefined when there is nothing to summarize, or nobody who can. */
  readonly summaryOf = Effect.fnUntraced(function* (this: Answering, messages: ReadonlyArray<ChatMessage>) {
    if (messages.length === 0 || this.#model.isOffline) return undefined
    const asked = { caller: modelCallerOf(this.#call), model: this.#model.name }
    const { text, usage } = yield* summarize(this.#call.platform.llm, asked, messages)
    this.usage = sumOf(this.usage, usage)
    return text
  })
}

/** A summary that is wanted and missing is made once, by whoever hands over: the next agent need not make it each turn. */
const handingOver = Effect.fnUntraced(function* (
  answering: Answering,
  { question }: AnswerCall,
  handOver: HandOver,
): Effect.fn.Return<Outcome> {
  const isMissing = handOver.context === "summary" && handOver.summary === undefined
  const summary = isMissing ? yield* answering.summaryOf(question.history) : undefined
  return { ...handOver, ...(summary === undefined ? {} : { summary }), usage: answering.usage }
})

/**
 * What tools reach for: never by an administrator's right to every agent. Neither a text that misleads the model nor an API
 * key that was given without that right gets at what is others' own.
 */
const asPerson = ({ caller, ...call }: AnswerCall): AnswerCall => ({
  ...call,
  caller: caller && { ...caller, isAdministrator: false },
})

const answer = Effect.fnUntraced(function* (call: AnswerCall): Effect.fn.Return<Outcome, ActivityFailure> {
  const { question, view } = call
  const answering = new Answering(call, yield* modelFor(call))
  const person = asPerson(call)
  const [transfers, reading] = [yield* transfersFor(person), readingToolsFor(person)]
  const summary = yield* answering.summaryOf(toSummarize(question))
  const conversation = conversationOf(question, { messagesMax: view.llm?.memoryMessages, summary })
  const messages = messagesOf(view, question, conversation)
  for (let round = 0; ; round++) {
    const mayCall = round < toolRoundsMax
    const answered = yield* answering.ask(messages, [...transfers, ...reading], mayCall)
    if (answered.calls.length === 0 || !mayCall) {
      if (!answering.hasSaid) return yield* noAnswer()
      const { plan, usage } = answering
      return { _tag: "Said", usage, ...(plan === undefined ? {} : { plan }) }
    }
    const done = yield* runTools({ transfers, reading }, answered.calls)
    if (done._tag === "HandOver") return yield* handingOver(answering, call, done.handOver)
    answering.plan = done.plan ?? answering.plan
    messages.push(spoken(answered), ...done.messages)
  }
})

export const llm: AgentFramework = {
  answer,
  /** It is here when the node is; whether its model is, depends on who asks. */
  check: () => Effect.succeed({ status: "healthy", consecutiveFailures: 0 }),
}
