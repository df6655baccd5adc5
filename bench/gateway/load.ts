/** Users over keep-alive connections: as fast as they are answered, or each at its own steady rate. */
import { readFileSync } from "node:fs"
import { HttpConnection } from "../../gateway/cli/http-connection.ts"
import { LatencyCounts } from "../../gateway/cli/latency-counts.ts"

export interface Load {
  readonly port: number
  /** Of the process that answers. */
  readonly pid: number
  /** Each has one connection and one request in flight. */
  readonly users: number
  /** Of all users together; without it every user asks again at once. */
  readonly perSecond?: number
  readonly seconds: number
  /** The whole request as it goes over the wire. */
  readonly next: () => string
}

export interface Figures {
  readonly perSecond: number
  /** Of the answering process alone, its servers beside it left out. Units: microseconds. */
  readonly cpuPerRequest: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** Answers that were not 2xx, as a share. */
  readonly errors: number
  readonly statuses: Readonly<Record<string, number>>
}

const warmUpMs = 2_000
/** Processor time that a process has used, in milliseconds; Linux counts it in hundredths of a second. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A process that sleeps has to be woken with each answer, at the cost of whoever answers: that is not the gateway's. */
const stayAwake = (running: () => boolean): void => {
  const turn = () => {
    if (running()) setImmediate(turn)
  }
  turn()
}

/** Latency counts from when a request was due, so that a stall is not hidden by the requests that it kept away. */
export const run = async ({ port, pid, users, perSecond, seconds, next }: Load): Promise<Figures> => {
  const latencies = new LatencyCounts()
  const statuses: Record<string, number> = {}
  let [measuring, running] = [false, true]
  const betweenMs = perSecond === undefined ? 0 : (users * 1_000) / perSecond
  const drive = async (user: number) => {
    const connection = await HttpConnection.open("127.0.0.1", port)
    let due = performance.now() + (betweenMs * user) / users
    while (running) {
      if (betweenMs > 0) await pause(Math.max(0, due - performance.now()))
      if (!running) break
      const sent = performance.now()
      // A timer may ring a little before its time.
      const since = betweenMs > 0 ? Math.min(due, sent) : sent
      due += betweenMs
      const status = await connection.request(next()).catch(() => 0)
      if (!measuring) continue
      latencies.add(performance.now() - since)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 0) break
    }
    connection.close()
  }
  if (betweenMs === 0) stayAwake(() => running)
  const drivers = Array.from({ length: users }, (_, user) => drive(user))
  await pause(warmUpMs)
  measuring = true
  const cpuBefore = cpuMs(pid)
  const began = performance.now()
  await pause(seconds * 1_000)
  measuring = false
  const elapsed = (performance.now() - began) / 1_000
  const cpu = cpuMs(pid) - cpuBefore
  running = false
  await Promise.race([Promise.all(drivers), pause(5_000)])
  const good = Object.entries(statuses).reduce(
    (sum, [status, n]) => sum + (status.startsWith("2") ? n : 0),
    0,
  )
  return {
    perSecond: Math.round(latencies.total / elapsed),
    cpuPerRequest: Math.round((cpu * 1_000) / latencies.total),
    p50: latencies.percentile(0.5),
    p95: latencies.percentile(0.95),
    p99: latencies.percentile(0.99),
    errors: latencies.total === 0 ? 1 : 1 - good / latencies.total,
    statuses,
  }
}
