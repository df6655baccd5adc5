/** Where the secrets of agents are: their credentials, each bound to its agent. A change here makes them unreadable. */
import type { SealedColumn } from "../../../resources/index.ts"

export const credentialPlace = (tenant: string, agent: string): string => `agent/${tenant}/${agent}`

export const agentSecrets: ReadonlyArray<SealedColumn> = [
  {
    kind: "agent-credentials",
    table: "agent_credentials",
    id: "agent",
    column: "sealed",
    objectType: "agent",
    place: credentialPlace,
  },
]
