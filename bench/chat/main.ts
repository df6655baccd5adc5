/**
 * `npm run bench:chat -- [--clients N] [--rate tokens/s] [--seconds N] [--starts N] [--json] [--profile directory]`: one node with
 * thousands of conversations that are all being answered, beside a bare WebSocket server that sends the same frames.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { logIn } from "../../test/support/login.ts"
import type { Place } from "./load.ts"
import {
  type Figures,
  openFilesMax,
  startCeiling,
  startLoad,
  startNode,
  startStub,
  usageOf,
} from "./processes.ts"

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "5000" },
    /** Tokens a second that each conversation's model says. */
    rate: { type: "string", default: "1" },
    /** For how long all stream. */
    seconds: { type: "string", default: "20" },
    /** Questions a second until all have asked. */
    starts: { type: "string", default: "250" },
    json: { type: "boolean" },
    profile: { type: "string" },
  },
})
const [count, rate, seconds] = [Number(values.clients), Number(values.rate), Number(values.seconds)]
const startsPerSecond = Number(values.starts)
/** A node opens 256 connections to one host at most. */
const perPort = 250
const people = 25
const audience = Math.min(1_000, count)
/** Files that node and clients have open besides their sockets. */
const otherFiles = 200
/** An answer that is not over by then is counted as unfinished. */
const finishWithinMs = 60_000
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

// The node has a socket to each client and one to the model for each answer.
const filesNeeded = 2 * count + otherFiles
if (openFilesMax() < filesNeeded) {
  console.error(
    `${count} clients need ${filesNeeded} open files, and this shell allows ${openFilesMax()}: ulimit -n ${filesNeeded}`,
  )
  process.exit(1)
}

const rows: Array<Figures> = []
const row = (what: string, figures: Figures) => {
  rows.push({ what, ...figures })
  if (values.json !== true) console.log(`${what.padEnd(44)} ${JSON.stringify(figures)}`)
}
const round = (value: number, digits = 1) => Number(value.toFixed(digits))

const [node, ports, ceiling, load] = [
  await startNode(values.profile),
  await startStub(Math.ceil(count / perPort)),
  await startCeiling(),
  startLoad(),
]
const socketUrl = node.url.replace("http", "ws")

const post = async (path: string, body: object, token: string) => {
  const response = await fetch(node.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Figures
}

const makeAgent = async (port: number): Promise<string> => {
  const body = { name: `bench ${port}`, framework: "OpenAI", endpoint: `http://127.0.0.1:${port}/v1` }
  const connection = { target: "stub", timeout_ms: 280_000, retries_max: 0 }
  return String((await post("/api/agents/", { ...body, connection, is_public: true }, node.apiKey)).id)
}

/** Sessions of many people, some at a time. */
const openSessions = async (agents: ReadonlyArray<string>): Promise<ReadonlyArray<Place>> => {
  const tokens: Array<string> = []
  for (let person = 0; person < people; person++)
    tokens.push((await logIn(node.url, `person${person}`)).token)
  const places: Array<Place> = []
  let next = 0
  const open = async () => {
    while (next < count) {
      const index = next++
      const token = tokens[index % people]!
      const body = { agent_id: agents[index % agents.length], title: "bench" }
      places.push({ session: String((await post("/api/chat/sessions/", body, token)).session_id), token })
    }
  }
  await Promise.all(Array.from({ length: 64 }, open))
  return places
}

/** What a process takes while something is done. */
const during = async <A>(
  pid: number,
  work: () => Promise<A>,
): Promise<{ value: A; cores: number; rssMiB: number }> => {
  const [before, began] = [usageOf(pid), performance.now()]
  const value = await work()
  const after = usageOf(pid)
  return {
    value,
    cores: round((after.cpuMs - before.cpuMs) / (performance.now() - began), 2),
    rssMiB: round(after.rssMiB, 0),
  }
}

/** All ask within this time, since people do not all ask in the same second; the answers last until everything is measured. */
const rampMs = (count / startsPerSecond) * 1_000
const steady = { tokens: Math.ceil(rate * (rampMs / 1_000 + seconds)), everyMs: 1_000 / rate }
/** What the answers of all were like; the whole of each has to be there. */
const whole = (
  { tokens, gaps, doubles, restarts, errors, fewest, most, unfinished }: Figures,
  wanted: number,
) => ({
  tokens,
  ...(unfinished === 0 ? {} : { unfinished, fewest }),
  complete: gaps === 0 && doubles === 0 && restarts === 0 && fewest === wanted && most === wanted,
  ...(gaps + doubles + restarts === 0 ? {} : { gaps, doubles, restarts }),
  ...(Object.keys(errors).length === 0 ? {} : { errors }),
})

/** All are being answered, and watched for the first half of the time; `meanwhile` gets the other half. */
const streaming = async (pid: number, meanwhile: () => Promise<Figures>) => {
  await load.order({ do: "ask", question: steady, overMs: rampMs })
  await pause(rampMs + 1_000)
  const { firsts } = await load.order({ do: "measure" })
  const { value, cores, rssMiB } = await during(pid, async () => {
    await pause(seconds * 500)
    return load.order({ do: "measure" })
  })
  const more = await meanwhile()
  const end = await load.order({ do: "finish", withinMs: finishWithinMs })
  const { perSecond, latencies } = value
  return { watched: { firsts, perSecond, latencies, cores, rssMiB }, more, whole: whole(end, steady.tokens) }
}

/** One answer that everybody watches. */
const fanOut = async (
  pid: number,
  all: boolean,
  question: { readonly tokens: number; readonly everyMs: number },
) => {
  const { value, cores } = await during(pid, async () => {
    const began = performance.now()
    await load.order({ do: "ask", question: { ...question, all }, first: true })
    const end = await load.order({ do: "finish", withinMs: finishWithinMs })
    const tokensPerSecond = Math.round((end.tokens * 1_000) / (performance.now() - began))
    return { tokensPerSecond, latencies: end.latencies, ...whole(end, question.tokens) }
  })
  return { ...value, cores }
}
const paced = { tokens: 500, everyMs: 20 }
const unpaced = { tokens: 4_000, everyMs: 0 }

if (values.json !== true)
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${count} clients, ${rate} tokens/s each`,
  )
const places = await openSessions(await Promise.all(ports.map(makeAgent)))
await pause(2_000)

const before = usageOf(node.pid)
const connected = await load.order({ do: "connect", url: socketUrl, places })
const idle = await during(node.pid, () => pause(8_000))
row("connect all", {
  ...connected,
  kibPerIdleConnection: round(((idle.rssMiB - before.rssMiB) * 1_024) / count),
})
row("all idle", { cores: idle.cores, rssMiB: idle.rssMiB })
const single = await load.order({ do: "one-by-one", question: { tokens: 1, everyMs: 0 }, times: 200 })
row("one at a time: to the first token", single.firsts)
const storm = () =>
  during(node.pid, async () => {
    await load.order({ do: "cut" })
    return load.order({ do: "reconnect" })
  })
const streamed = await streaming(node.pid, storm)
row("all streaming", {
  ...streamed.watched,
  kibPerStreamingConnection: round(((streamed.watched.rssMiB - before.rssMiB) * 1_024) / count),
})
row("all cut while streaming, and back", { ...streamed.more.value, cores: streamed.more.cores })
row("all answers, with the cut in them", streamed.whole)

const [first] = places
const watchers = Array.from({ length: audience }, () => first!)
await load.order({ do: "connect", url: socketUrl, places: watchers })
row(`one answer, ${audience} clients, 50 tokens/s`, await fanOut(node.pid, false, paced))
row(`one answer, ${audience} clients, unpaced`, await fanOut(node.pid, false, unpaced))

const bare = { session: "", token: "" }
const bareBefore = usageOf(ceiling.pid)
const bareConnected = await load.order({ do: "connect", url: ceiling.url, places: places.map(() => bare) })
await pause(2_000)
const bareIdle = usageOf(ceiling.pid)
row("ceiling: connect all to a bare ws server", {
  ...bareConnected,
  kibPerIdleConnection: round(((bareIdle.rssMiB - bareBefore.rssMiB) * 1_024) / count),
})
row("ceiling: all streaming", (await streaming(ceiling.pid, async () => ({}))).watched)
await load.order({ do: "connect", url: ceiling.url, places: watchers.map(() => bare) })
await pause(1_000)
row(`ceiling: one answer, ${audience} clients, 50 tokens/s`, await fanOut(ceiling.pid, true, paced))
await load.order({ do: "connect", url: ceiling.url, places: watchers.map(() => bare) })
await pause(1_000)
row(`ceiling: one answer, ${audience} clients, unpaced`, await fanOut(ceiling.pid, true, unpaced))

if (values.json === true) console.log(JSON.stringify(rows, undefined, 2))
await Promise.all([node.stop(), ceiling.stop(), load.stop()])
process.exit()
