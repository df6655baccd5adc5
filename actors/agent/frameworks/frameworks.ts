/** Every framework by its name: what speaks to its agents. */
import type { Framework } from "../../../schemas/index.ts"
import type { AgentFramework } from "../framework.ts"
import { a2a } from "./a2a/a2a.ts"
import { adk } from "./adk.ts"
import { agno } from "./agno.ts"
import { builtin } from "./builtin.ts"
import { custom } from "./custom.ts"
import { langchain } from "./langchain.ts"
import { llm } from "./llm/llm.ts"
import { openai } from "./openai.ts"

export const frameworks: Readonly<Record<Framework, AgentFramework>> = {
  builtin,
  llm,
  agno,
  adk,
  langchain,
  custom,
  a2a,
  openai,
}
