/** Adds up what the test runs reported: `totals.mjs <status of the runs> <result file>...`. Ends with their verdict. */
import { existsSync, readFileSync } from "node:fs"

const [status, ...files] = process.argv.slice(2)
const missing = files.filter((file) => !existsSync(file))
const runs = files.filter(existsSync).map((file) => JSON.parse(readFileSync(file, "utf8")))
const sum = (key) => runs.reduce((total, run) => total + run[key], 0)

const suites = runs.flatMap((run) => run.testResults)
/** A file that could not even be loaded has no tests that failed. */
const unloaded = suites.filter((suite) => suite.status === "failed" && suite.assertionResults.length === 0)
for (const { name, message } of unloaded) console.log(`could not be loaded: ${name}: ${message}`)
for (const suite of suites)
  for (const test of suite.assertionResults)
    if (test.status === "failed") console.log(`failed: ${suite.name}: ${test.fullName}`)

const [passed, left] = [sum("numPassedTests"), sum("numPendingTests") + sum("numTodoTests")]
const failed = sum("numFailedTests") + unloaded.length
if (left > 0) console.log(`${left} left out`)

if (missing.length > 0) console.log("not every suite ran to its end: see above")
else if (status !== "0" && failed === 0)
  console.log(`${passed} tests passed, but a check or an error outside a test failed: see above`)
else console.log(`${passed} passed, ${failed} failed`)
process.exitCode = status === "0" && failed === 0 && missing.length === 0 && passed > 0 ? 0 : 1
