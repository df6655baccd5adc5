/** `npm run simulate -- [--seed N] [--seeds K]`: runs seeds and prints what went wrong; a seed reproduces its run. */
import { parseArgs } from "node:util"
import { simulate } from "./scenario.ts"

const { values } = parseArgs({
  options: { seed: { type: "string" }, seeds: { type: "string", default: "100" }, json: { type: "boolean" } },
})
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
    const { operations, definite, crashes, freezes, virtualSeconds } = report
    console.log(
      `seed ${seed} (${index + 1}/${seeds.length}): ${operations} operations (${definite} definite), ${crashes} crashes, ${freezes} freezes, ${virtualSeconds} s`,
    )
    for (const violation of report.violations) console.log(`  ${violation}`)
  }
}
console.log(`${seeds.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
