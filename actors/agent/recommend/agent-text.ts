/** What of an agent is embedded: what people read of it. */
import type { AgentView } from "../../../schemas/index.ts"
import { recommendLimits } from "./limits.ts"

/** What says most comes first, since the end of a long one is cut off. */
export const agentText = ({ name, description, skills, examples = [] }: AgentView): string =>
  [
    name,
    description,
    ...skills.flatMap((skill) => [skill.name, skill.description, ...(skill.tags ?? [])]),
    ...examples,
    ...skills.flatMap((skill) => skill.examples ?? []),
  ]
    .filter((part) => part.trim() !== "")
    .join("\n")
    .slice(0, recommendLimits.agentTextMax)
    .toWellFormed()
