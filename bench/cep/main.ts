/**
 * `npm run bench:cep -- [--stream] [--only lengths,thresholds,windows,unlike] [--rules N] [--series N] [--seconds N] [--json]`: what
 * rules cost; with `--stream` the way through JetStream instead, see `stream.ts`. `--only failover [--kills N]`: how long
 * schedules are silent when their node is killed, see `failover.ts`.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { failover } from "./failover.ts"
import { type Figures, lengths, throughput } from "./in-process.ts"
import { streamed } from "./stream.ts"
import { mixes } from "./workload.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rules: { type: "string", default: "10,1000,10000" },
    series: { type: "string", default: "1000,100000" },
    seconds: { type: "string", default: "4" },
    kills: { type: "string", default: "12" },
    json: { type: "boolean" },
    stream: { type: "boolean", default: false },
  },
})
const seconds = Number(values.seconds)
const wants = (part: string) => values.only === undefined || values.only.split(",").includes(part)
const list = (text: string) => text.split(",").map(Number)
const rows: Array<Record<string, unknown>> = []

const measure = async (what: string, figuresOf: () => Figures | Promise<Figures>): Promise<void> => {
  console.error(`${what} …`)
  const figures = await figuresOf()
  rows.push({ what, ...figures })
  const cells = Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString("en")}`)
  if (values.json !== true) console.log(`${what.padEnd(48)} ${cells.join(", ")}`)
}

console.error(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${seconds} s each`)
const inProcess = !values.stream
for (const mix of mixes)
  for (const rules of inProcess && wants(mix) ? list(values.rules) : [])
    for (const series of list(values.series))
      await measure(`${mix}: ${rules} rules, ${series} series`, () => throughput(rules, series, mix, seconds))
for (const [what, figuresOf] of inProcess && wants("lengths") ? lengths : [])
  await measure(what, () => figuresOf(seconds))
if (values.only === "failover")
  await measure(`failover: ${values.kills} kills, schedules of 1 s`, () => failover(Number(values.kills)))
for (const [what, figuresOf] of inProcess ? [] : streamed) await measure(what, () => figuresOf(seconds))
if (values.json === true) console.log(JSON.stringify(rows, undefined, 2))
