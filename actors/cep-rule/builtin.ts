/** The rules that a new deployment has: people change them afterwards, so they are defined only where there are none. */
import { hostMetrics, type Rule } from "../../schemas/index.ts"

export const builtinRules: Readonly<Record<string, Rule>> = {
  "host-cpu-high": {
    name: "CPU of a host is busy",
    metric: hostMetrics.cpu.name,
    group_by: ["host"],
    operator: ">",
    threshold: 80,
    clear: 70,
    for_ms: 5_000,
    severity: "warning",
    notify: "ops",
    enabled: true,
  },
  "host-memory-high": {
    name: "Memory of a host is nearly full",
    metric: hostMetrics.memory.name,
    group_by: ["host"],
    operator: ">",
    threshold: 90,
    clear: 85,
    for_ms: 30_000,
    severity: "critical",
    notify: "ops",
    enabled: true,
  },
}
