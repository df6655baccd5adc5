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
  assistant: {
    name: "Assistant",
    framework: "llm",
    description:
      "Converses freely with the language model of this deployment, looks things up, and hands over to who knows better. With the offline model alone it only says that no model is connected.",
    skills: [
      {
        id: "conversation",
        name: "Conversation",
        description: "Answers questions, writes and explains texts.",
        tags: ["chat", "write", "explain", "대화", "글쓰기"],
      },
    ],
    llm: {
      prompt:
        "Help the person briefly and honestly, in the language of the question. What concerns the machines you look up with your tools before you answer. Hand over to the agent ops when the person wants to go on asking about machines.",
      tools: ["ops_question", "recent_alerts", "recommend_agents"],
      transferTo: ["ops"],
    },
  },
}
