/** The rules that a new deployment has: people change them afterwards, so they are defined only where there are none. */
import { hostMetrics, type RuleDocument } from "../../schemas/index.ts"

/** The channel that is always there; whoever operates the deployment says where it leads. */
const actions = [{ type: "notify", channel: "default" }] as const

export const builtinRules: Readonly<Record<string, RuleDocument>> = {
  "host-cpu-high": {
    name: "CPU of a host is busy",
    trigger: { type: "metric", metric: hostMetrics.cpu.name },
    group_by: ["host"],
    condition: "value > 80.0",
    clear: "value <= 70.0",
    for: "5s",
    severity: "warning",
    actions,
    enabled: true,
  },
  "host-memory-high": {
    name: "Memory of a host is nearly full",
    trigger: { type: "metric", metric: hostMetrics.memory.name },
    group_by: ["host"],
    condition: "value > 90.0",
    clear: "value <= 85.0",
    for: "30s",
    severity: "critical",
    actions,
    enabled: true,
  },
}
