/**
 * `npm run demo`: plays the main job against the node that runs here. Talks to agents over WebSocket and event stream,
 * makes the CPU busy until a rule raises an alert and resolves it again, and prints the trace of it all.
 */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import {
  type AnswerOf,
  alertEndpoints,
  cepRuleEndpoints,
  chatEndpoints,
  tracingEndpoints,
} from "../../schemas/index.ts"
import type { MillraceClient } from "../client/client.ts"
import { askOverEvents, askOverSocket } from "./conversation.ts"
import { NoNode, openNodeClient } from "./node-client.ts"
import { printTree } from "./trace-text.ts"

type Alert = AnswerOf<typeof alertEndpoints.list>["alerts"][number]

const ruleId = "demo-cpu-busy"
const pollMs = 500
/** The rule wants three busy seconds; a loaded machine measures late. */
const alertMsMax = 60_000

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const defineRule = (client: MillraceClient) =>
  client.call(cepRuleEndpoints.define, {
    body: {
      rule_id: ruleId,
      name: "CPU is busy (demo)",
      trigger: { type: "metric", metric: "host_cpu_usage_percent" },
      group_by: ["host"],
      condition: "value > 85.0",
      clear: "value <= 75.0",
      for: "3s",
      severity: "warning",
      actions: [{ type: "notify", channel: "ops" }],
    },
  })

const findAlert = async (client: MillraceClient, state: Alert["state"], since: number): Promise<Alert> => {
  const giveUpAt = Date.now() + alertMsMax
  while (Date.now() < giveUpAt) {
    const { alerts } = await client.call(alertEndpoints.list)
    const found = alerts.find(
      (alert) => alert.rule === ruleId && alert.state === state && Date.parse(alert.at) >= since,
    )
    if (found !== undefined) return found
    await pause(pollMs)
  }
  throw new Error(`no alert was ${state} within ${alertMsMax / 1_000} s`)
}

/** Keeps every core busy until it is told to stop. */
const burn = () => {
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker("for (;;) Math.random()", { eval: true }),
  )
  return async () => void (await Promise.all(workers.map((worker) => worker.terminate())))
}

const tell = ({ rule, state, value = Number.NaN, labels, at }: Alert) =>
  console.log(`  ${at} ${rule} ${state} on ${labels.host ?? "?"} at ${value.toFixed(1)} %`)

const alertRound = async (client: MillraceClient) => {
  await defineRule(client)
  console.log("\nMaking the CPU busy until the rule raises its alert …")
  const since = Date.now()
  const stop = burn()
  try {
    tell(await findAlert(client, "firing", since))
  } finally {
    await stop()
  }
  console.log("… and leaving it alone until the alert is resolved")
  tell(await findAlert(client, "resolved", since))
}

const play = async () => {
  const client = await openNodeClient(process.env.MILLRACE_HOME || ".millrace")
  const { session_id, trace_id } = await client.call(chatEndpoints.open, {
    body: { agent_id: "guide", title: "Demo" },
  })
  console.log(
    `session ${session_id} with the agent guide (the built-in agents are offline: no model answers)`,
  )
  const session = client.session(session_id, { after: 0 })
  await askOverSocket(session, "what is the CPU usage now")
  await askOverEvents(client, session_id, "average load over the last 5 minutes per host")
  await alertRound(client)
  await askOverSocket(session, "which alerts were there")
  session.close()
  const tree = await client.call(tracingEndpoints.tree, {
    params: { trace: trace_id },
    query: { wait_ms: 5_000 },
  })
  printTree(tree)
  console.log(`\nThe same as a log: GET /api/tracing/logs/${trace_id}`)
}

play().then(
  () => process.exit(0),
  (cause: unknown) => {
    console.error(cause instanceof NoNode ? `demo: ${cause.message}` : cause)
    process.exit(1)
  },
)
