/**
 * `npm run simulate -- [--of conversations|lanes] [--seed N] [--seeds K]`: runs seeds and prints what went wrong; a seed reproduces
 * its run.
 */
import { parseArgs } from "node:util"
import * as Conversations from "./conversations/scenario.ts"
import * as Lanes from "./lanes/scenario.ts"
import * as Engine from "./scenario.ts"

const { values } = parseArgs({
  options: {
    of: { type: "string", default: "engine" },
    seed: { type: "string" },
    seeds: { type: "string", default: "100" },
    json: { type: "boolean" },
  },
})
const scenarios = { engine: Engine, conversations: Conversations, lanes: Lanes }
const { simulate } = scenarios[values.of as keyof typeof scenarios] ?? Engine
const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.seeds) }, () => `${Math.floor(Math.random() * 1e12)}`)
    : [values.seed]
let failed = 0
for (const [index, seed] of seeds.entries()) {
  const report = simulate(seed)
  if (report.violations.length > 0) failed += 1
  if (values.json === true) console.log(JSON.stringify(report))
  else if (report.violations.length > 0 || seeds.length === 1 || index % 50 === 49) {
    const { seed: _, violations: __, ...figures } = report
    const told = Object.entries(figures).map(([what, count]) => `${what} ${count}`)
    console.log(`seed ${seed} (${index + 1}/${seeds.length}): ${told.join(", ")}`)
    for (const violation of report.violations) console.log(`  ${violation}`)
  }
}
console.log(`${seeds.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
