/**
 * A small HTTP load generator: `npm run load -- --connections 64 --seconds 10`. Raw keep-alive sockets with one request
 * in flight each, so that it costs little next to what it measures. Without a path it reads locks of many names, each a durable command.
 */
import { parseArgs } from "node:util"
import { readNodeFile } from "../auth/node-file.ts"
import { HttpConnection } from "./http-connection.ts"
import { LatencyCounts } from "./latency-counts.ts"

const usage = `npm run load -- [options]
  --connections N   sockets, each with one request in flight (default 64)
  --seconds S       how long to measure, after a second of warming up (default 10)
  --path P          what to request; {n} counts up (default /api/actors/lock/load-{n}/Read)
  --method M        default POST
  --body JSON       default {}; {n} counts up
  --keys K          {n} wraps around after K (default 10000)
  --json            one line of JSON instead of text`

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "64" },
    seconds: { type: "string", default: "10" },
    path: { type: "string", default: "/api/actors/lock/load-{n}/Read" },
    method: { type: "string", default: "POST" },
    body: { type: "string", default: "{}" },
    keys: { type: "string", default: "10000" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})

const node = await readNodeFile(process.env.MILLRACE_HOME || ".millrace")
if (values.help || node === undefined) {
  console.error(values.help ? usage : "load: no node has been started here: there is no node.json")
  process.exit(values.help ? 0 : 1)
}

const [connections, seconds, keys] = [values.connections, values.seconds, values.keys].map(Number) as [
  number,
  number,
  number,
]
const { hostname, port, host } = new URL(node.url)
let count = 0

/** The request as bytes of text; most of it never changes. */
const nextRequest = (): string => {
  const n = String(count++ % keys)
  const body = values.method === "GET" ? "" : values.body.replaceAll("{n}", n)
  const head = `${values.method} ${values.path.replaceAll("{n}", n)} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${node.token}\r\n`
  const entity =
    body === ""
      ? "\r\n"
      : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  return head + entity
}

const latencies = new LatencyCounts()
const statuses = new Map<number, number>()
let measuring = false
let errors = 0
let running = true

const drive = async (): Promise<void> => {
  let connection = await HttpConnection.open(hostname, Number(port))
  while (running) {
    const start = performance.now()
    try {
      const status = await connection.request(nextRequest())
      if (!measuring) continue
      latencies.add(performance.now() - start)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    } catch {
      errors += 1
      connection = await HttpConnection.open(hostname, Number(port))
    }
  }
  connection.close()
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

const warmUpMs = 1_000
const drivers = Array.from({ length: connections }, drive)
await pause(warmUpMs)
measuring = true
const begin = performance.now()
await pause(seconds * 1_000)
measuring = false
const elapsed = (performance.now() - begin) / 1_000
running = false
await Promise.race([Promise.all(drivers), pause(2_000)])

const total = latencies.total
const result = {
  path: values.path,
  connections,
  seconds: Number(elapsed.toFixed(2)),
  requests: total,
  requests_per_second: Math.round(total / elapsed),
  latency_ms: latencies.summary(),
  statuses: Object.fromEntries([...statuses].sort(([left], [right]) => left - right)),
  connection_errors: errors,
}
if (values.json) console.log(JSON.stringify(result))
else {
  const { p50, p90, p99, p999, max } = result.latency_ms
  console.log(
    `${result.requests_per_second} requests/s over ${connections} connections, ${elapsed.toFixed(1)} s`,
  )
  console.log(`latency in ms: p50 ${p50}, p90 ${p90}, p99 ${p99}, p99.9 ${p999}, max ${max}`)
  console.log(`answers: ${JSON.stringify(result.statuses)}, connection errors: ${errors}`)
  if (statuses.has(429))
    console.log("429 is the node's rate limit; started with MILLRACE_RATE_LIMITS=off it has none")
}
process.exit(0)
