/** Under what changes of a tenant's agents, and of what is kept of them for lists and searches, are announced. */
export const agentsTopic = (tenant: string): string => `agent/${tenant}`
