/** How frameworks are called on the wire: as seed 0 spells them. Whoever asks may write them otherwise. */
import * as Schema from "effect/Schema"
import type { Framework } from "../agent.ts"

/** Source: seed 0 §4.2, §5. */
export const frameworkNames: Readonly<Record<Framework, string>> = {
  builtin: "Builtin",
  llm: "LLM",
  agno: "Agno",
  adk: "ADK",
  langchain: "Langchain-agent",
  custom: "Custom",
  a2a: "A2A",
  openai: "OpenAI",
}

const plain = (name: string): string => name.toLowerCase().replace(/[ _-]?agent$/, "")
const byPlainName = new Map(
  Object.keys(frameworkNames).map((framework) => [plain(framework), framework as Framework]),
)

/** Undefined for what is no framework. In any case, with and without "-agent". */
export const frameworkNamed = (name: string): Framework | undefined => byPlainName.get(plain(name))

const inAnyCase = (text: string): string =>
  text.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
/** The same as `frameworkNamed`, such that descriptions can say it. */
const pattern = new RegExp(
  `^(?:${[...byPlainName.keys()].map(inAnyCase).join("|")})(?:[ _-]?${inAnyCase("agent")})?$`,
  "u",
)

/** A framework's name in a request; `frameworkNamed` tells which one it is. */
export const FrameworkName = Schema.String.check(
  Schema.isMaxLength(40),
  Schema.isPattern(pattern, { expected: `one of ${Object.values(frameworkNames).join(", ")}` }),
).annotate({ description: `${Object.values(frameworkNames).join(", ")}; in any case` })
