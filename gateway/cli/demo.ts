/**
 * `npm run demo`: plays the main job against the node that runs here. Talks to agents over WebSocket and event stream,
 * makes the CPU busy until a rule raises an alert and resolves it again, and prints the trace of it all.
 */
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { askOverEvents, askOverSocket } from "./conversation.ts"
import { NodeClient, NoNode } from "./node-client.ts"
import { printTree, type TraceNode } from "./trace-text.ts"

interface Alert {
  readonly id: string
  readonly rule: string
  readonly status: "raised" | "resolved"
  readonly value: number
  readonly group: Readonly<Record<string, string>>
  readonly at: string
}

const ruleId = "demo-cpu-busy"
const pollMs = 500
/** The rule wants three busy seconds; a loaded machine measures late. */
const alertMsMax = 60_000

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const defineRule = (client: NodeClient) =>
  client.json("POST", "/api/cep/rules", {
    rule_id: ruleId,
    name: "CPU is busy (demo)",
    metric: "host_cpu_usage_percent",
    operator: ">",
    threshold: 85,
    clear: 75,
    for_ms: 3_000,
    severity: "warning",
    notify: "ops",
  })

const findAlert = async (client: NodeClient, status: Alert["status"], since: number): Promise<Alert> => {
  const giveUpAt = Date.now() + alertMsMax
  while (Date.now() < giveUpAt) {
    const { alerts } = await client.json<{ alerts: ReadonlyArray<Alert> }>("GET", "/api/cep/alerts")
    const found = alerts.find(
      (alert) => alert.rule === ruleId && alert.status === status && Date.parse(alert.at) >= since,
    )
    if (found !== undefined) return found
    await pause(pollMs)
  }
  throw new Error(`no alert was ${status} within ${alertMsMax / 1_000} s`)
}

/** Keeps every core busy until it is told to stop. */
const burn = () => {
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker("for (;;) Math.random()", { eval: true }),
  )
  return async () => void (await Promise.all(workers.map((worker) => worker.terminate())))
}

const tell = ({ rule, status, value, group, at }: Alert) =>
  console.log(`  ${at} ${rule} ${status} on ${group.host ?? "?"} at ${value.toFixed(1)} %`)

const alertRound = async (client: NodeClient) => {
  await defineRule(client)
  console.log("\nMaking the CPU busy until the rule raises its alert …")
  const since = Date.now()
  const stop = burn()
  try {
    tell(await findAlert(client, "raised", since))
  } finally {
    await stop()
  }
  console.log("… and leaving it alone until the alert is resolved")
  tell(await findAlert(client, "resolved", since))
}

const play = async () => {
  const client = await NodeClient.open(process.env.MILLRACE_HOME || ".millrace")
  const { session_id, trace_id } = await client.json<{ session_id: string; trace_id: string }>(
    "POST",
    "/api/chat/sessions/",
    { agent_id: "guide", title: "Demo" },
  )
  console.log(
    `session ${session_id} with the agent guide (the built-in agents are offline: no model answers)`,
  )
  const socket = await client.socket(session_id)
  await askOverSocket(socket, "what is the CPU usage now")
  await askOverEvents(client, session_id, "average load over the last 5 minutes per host")
  await alertRound(client)
  await askOverSocket(socket, "which alerts were there")
  socket.close()
  const path = `/api/tracing/traces/${trace_id}?wait_ms=5000`
  printTree(await client.json<{ readonly roots: ReadonlyArray<TraceNode> }>("GET", path))
  console.log(`\nThe same as a log: GET /api/tracing/logs/${trace_id}`)
}

play().then(
  () => process.exit(0),
  (cause: unknown) => {
    console.error(cause instanceof NoNode ? `demo: ${cause.message}` : cause)
    process.exit(1)
  },
)
