/**
 * The language model of the simulated conversations. A question's first word says how it is answered; every text is noted,
 * so that what clients were given can be held against what was said.
 */
import * as Effect from "effect/Effect"
import type { VirtualTime } from "../../../engine/testkit/virtual-time.ts"
import { type LlmService, refuse } from "../../../resources/index.ts"
import { scriptedLlm } from "../../support/scripted-llm.ts"

/**
 * `same`: each time word for word; `part`: the same beginning; `new`: another text each time; `slow`: with a long silence;
 * `fails`: breaks off; `hand`: hands over where it may.
 */
export const manners = ["same", "part", "new", "slow", "fails", "hand"] as const
type Manner = (typeof manners)[number]

export const modelAwayCode = "SIM_MODEL_001"

/** One answer as it was begun: all that the agent was to say, whether it came to that or not. */
export interface Run {
  readonly agent: string
  readonly question: string
  text: string
  ends: "said" | "failed" | "handed over"
}

type Random = VirtualTime["random"]

const alphabet = ["one", "two", "셋", "four😀", "\n", "🧑‍🚀 five", "six."]
const between = (random: Random, low: number, high: number) => low + Math.floor(random.next() * (high - low))

/** `mark` is in each word: another text shares nothing with it. */
const wordsOf = (count: number, mark: string) =>
  Array.from({ length: count }, (_, place) => `${alphabet[place % alphabet.length]}${mark}.${place} `)

/** In pieces as a provider may cut it, also within a character. */
const cut = (text: string, random: Random): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  for (let from = 0; from < text.length; ) {
    const to = from + between(random, 1, 24)
    pieces.push(text.slice(from, to))
    from = to
  }
  return pieces
}

const mannerOf = (question: string): Manner => question.split(" ")[0] as Manner

export class Model {
  readonly runs: Array<Run> = []
  /** A run that calls a tool goes on in the same conversation. */
  private readonly going = new WeakMap<object, Run>()
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  private textOf(agent: string, question: string): string {
    const mark = `${agent}${question.split(" ")[1]}`
    const another = `${mark}#${this.runs.length}`
    const count = 3 + (question.length % 9)
    switch (mannerOf(question)) {
      case "part":
        return [...wordsOf(3, mark), ...wordsOf(between(this.random, 0, 8), another)].join("")
      case "new":
      case "fails":
      case "hand":
        return wordsOf(between(this.random, 1, 12), another).join("")
      default:
        return wordsOf(count, mark).join("")
    }
  }

  private readonly stream: LlmService["stream"] = (call, deliver) =>
    Effect.suspend(() => {
      const { random } = this
      const agent = call.caller.agent ?? ""
      const { messages } = call.request
      const before = this.going.get(messages)
      const question = before?.question ?? String(messages.at(-1)?.content)
      const manner = mannerOf(question)
      const transfers = (call.request.tools ?? []).flatMap((tool) =>
        "function" in tool && tool.function.name.startsWith("transfer_to_") ? [tool.function.name] : [],
      )
      const to = manner === "hand" ? transfers[between(random, 0, transfers.length)] : undefined
      const text = this.textOf(agent, question)
      const ends = manner === "fails" ? "failed" : to === undefined ? "said" : "handed over"
      if (before === undefined) {
        const run: Run = { agent, question, text, ends }
        this.going.set(messages, run)
        this.runs.push(run)
      } else {
        before.text += `\n\n${text}`
        before.ends = ends
      }
      const words = cut(text, random)
      const silentAt = manner === "slow" ? between(random, 0, words.length) : -1
      const paceMs = random.next() * 400
      const inner = scriptedLlm([
        {
          words,
          ...(to === undefined ? {} : { calls: [{ name: to, arguments: { reason: "over to you" } }] }),
          ...(ends === "failed" ? { refused: refuse("unavailable", modelAwayCode, "it broke off") } : {}),
        },
      ])
      let said = 0
      return inner.llm.stream(call, (piece, model) =>
        Effect.gen(function* () {
          yield* Effect.sleep(random.next() * paceMs)
          if (said++ === silentAt) yield* Effect.sleep(random.next() * 60_000)
          yield* deliver(piece, model)
        }),
      )
    })

  readonly llm: LlmService = { ...scriptedLlm([]).llm, stream: this.stream }
}
