/** What the index of agents is told: the agent as lists show it, with who changed it last. */
import * as Schema from "effect/Schema"
import { AgentView } from "../../schemas/index.ts"

export const IndexRow = Schema.Struct({ view: AgentView, changedBy: Schema.optionalKey(Schema.String) })
export type IndexRow = typeof IndexRow.Type
