/** The agents that every tenant has, without any model or service. */
import type { AgentDescriptor } from "../../schemas/index.ts"

export const builtinAgents: Readonly<Record<string, AgentDescriptor>> = {
  guide: {
    name: "Guide",
    framework: "builtin",
    behaviour: "guide",
    description:
      "Offline guide without a language model: says what can be asked here and hands questions about infrastructure over.",
    skills: [
      {
        id: "guide",
        name: "Guide",
        description: "Tells what this deployment can answer and takes you to the right agent.",
        tags: ["help", "도움말"],
      },
    ],
  },
  ops: {
    name: "Operations",
    framework: "builtin",
    behaviour: "ops",
    description:
      "Answers questions about hosts from the metric stream with plan, query, table and chart, and tells recent alerts.",
    skills: [
      {
        id: "metrics",
        name: "Metrics",
        description: "CPU, memory, load, disk and network of the hosts: now, or aggregated over a time.",
        tags: ["cpu", "memory", "load", "disk", "network"],
      },
      {
        id: "alerts",
        name: "Alerts",
        description: "Which alerts the rules have raised and resolved.",
        tags: ["alert", "알림"],
      },
    ],
  },
}
