/** `npm run bench:engine -- [--sync always|default] [--seconds N] [--json]`: what the engine does on this machine. */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { node, type Sync, server } from "./deployment.ts"
import { closedLoop, openLoop, spread } from "./load.ts"
import { rawCeiling } from "./raw.ts"
import { recovery } from "./recovery.ts"
import { residents } from "./residents.ts"

const { values } = parseArgs({
  options: {
    sync: { type: "string" },
    seconds: { type: "string", default: "10" },
    partitions: { type: "string", default: "8" },
    only: { type: "string" },
    json: { type: "boolean" },
  },
})
const durationMs = Number(values.seconds) * 1_000
const partitions = Number(values.partitions)
const wants = (part: string) => values.only === undefined || values.only.split(",").includes(part)
const rows: Array<Record<string, unknown>> = []
const row = (sync: Sync, what: string, figures: object) => {
  const line = { sync, what, ...figures }
  rows.push(line)
  if (values.json !== true) console.log(`${sync.padEnd(8)} ${what.padEnd(34)} ${JSON.stringify(figures)}`)
}

const measure = Effect.fnUntraced(function* (sync: Sync) {
  const running = yield* server(sync, partitions)
  if (wants("raw"))
    for (const [what, figures] of yield* rawCeiling(running, durationMs / 2)) row(sync, what, figures)
  const { engine } = yield* node(running)
  yield* closedLoop(engine, spread(1_000), 2_000, 2_000)
  if (wants("max")) {
    let most = 0
    for (const inFlight of [64, 512, 4_000, 12_000]) {
      const figures = yield* closedLoop(engine, spread(10_000), inFlight, durationMs)
      most = Math.max(most, figures.perSecond)
      row(sync, `asks, ${inFlight} open, 10,000 actors`, figures)
    }
    const fifth = Math.floor(most / 5)
    row(sync, `asks at a fifth (${fifth}/s)`, yield* openLoop(engine, spread(10_000), fifth, durationMs))
  }
  if (wants("one"))
    row(sync, "one caller, one ask at a time", yield* closedLoop(engine, spread(1), 1, durationMs / 2))
  if (wants("hot"))
    row(sync, "one hot actor, 1,000 open", yield* closedLoop(engine, spread(1), 1_000, durationMs))
  if (wants("residents"))
    for (const [what, figures] of yield* residents(running, engine)) row(sync, what, figures)
  yield* engine.drain
  if (wants("recovery"))
    row(sync, "start over a tail without checkpoint", yield* recovery(yield* server(sync, partitions)))
})

const [cpu] = cpus()
console.log(
  `${cpus().length} × ${cpu?.model}, Node ${process.version}, ${partitions} partitions, ${values.seconds} s each`,
)
for (const sync of (values.sync === undefined ? ["default", "always"] : [values.sync]) as Array<Sync>) {
  await Effect.runPromise(Effect.scoped(measure(sync)))
}
if (values.json === true) console.log(JSON.stringify(rows, undefined, 2))
process.exit()
