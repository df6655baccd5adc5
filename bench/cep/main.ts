/** `npm run bench:cep -- [--only lengths,thresholds,windows] [--rules N] [--series N] [--seconds N] [--json]`: what rules cost. */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { type Figures, lengths, throughput } from "./in-process.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rules: { type: "string", default: "10,1000,10000" },
    series: { type: "string", default: "1000,100000" },
    seconds: { type: "string", default: "4" },
    json: { type: "boolean" },
  },
})
const seconds = Number(values.seconds)
const wants = (part: string) => values.only === undefined || values.only.split(",").includes(part)
const list = (text: string) => text.split(",").map(Number)
const rows: Array<Record<string, unknown>> = []

const measure = (what: string, figuresOf: () => Figures): void => {
  console.error(`${what} …`)
  const figures = figuresOf()
  rows.push({ what, ...figures })
  const cells = Object.entries(figures).map(([name, value]) => `${name} ${value.toLocaleString("en")}`)
  if (values.json !== true) console.log(`${what.padEnd(48)} ${cells.join(", ")}`)
}

console.error(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${seconds} s each`)
for (const mix of ["thresholds", "windows"] as const)
  for (const rules of wants(mix) ? list(values.rules) : [])
    for (const series of list(values.series))
      measure(`${mix}: ${rules} rules, ${series} series`, () => throughput(rules, series, mix, seconds))
for (const [what, figuresOf] of wants("lengths") ? lengths : []) measure(what, () => figuresOf(seconds))
if (values.json === true) console.log(JSON.stringify(rows, undefined, 2))
