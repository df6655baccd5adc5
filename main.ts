/** `npm start`: one node with everything it needs. Ctrl-C drains and stops it; a second Ctrl-C does not wait. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { developmentUser } from "./gateway/index.ts"
import { startNode } from "./runtime.ts"
import { readSettings } from "./settings.ts"

/** How long stopping may take before the process ends anyway; what it started ends with it. */
const stopMsMax = 20_000

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const sameKeypressMs = 500

const say = (line: string) => Effect.sync(() => console.log(line))
const secondsSince = (start: number) => ((performance.now() - start) / 1_000).toFixed(1)

const run = Effect.gen(function* () {
  const settings = yield* Effect.sync(() => readSettings(process.env))
  const { node, ended } = yield* startNode(settings, (line) => say(`  ${line}`))
  yield* say(
    [
      `Millrace is ready after ${process.uptime().toFixed(1)} s`,
      `  gateway    ${node.url}`,
      `  health     ${node.url}/health`,
      ...(node.apiKey === ""
        ? [`  login      ${settings.login.issuer}`]
        : [
            `  API key    ${node.apiKey}`,
            `  of the user ${developmentUser}, who may do everything; also in ${settings.home}/node.json, for development only`,
          ]),
      "Ctrl-C stops it; npm run demo shows what it does.",
    ].join("\n"),
  )
  return yield* ended
}).pipe(Effect.scoped)

/** One line for a person; a defect also tells where. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  const expected = typeof error === "object" && error !== null && ("_tag" in error || "code" in error)
  const known = expected || message.startsWith("The development login does not exist")
  return known ? `millrace: ${message}` : `millrace: ${Cause.pretty(cause)}`
}

console.log("Millrace is starting")
const fiber = Effect.runFork(run)
let stoppingSince: number | undefined

const stop = () => {
  if (stoppingSince !== undefined) {
    if (performance.now() - stoppingSince < sameKeypressMs) return
    console.error("millrace: stopped without waiting")
    process.exit(130)
  }
  stoppingSince = performance.now()
  console.log("Millrace is stopping")
  setTimeout(() => {
    console.error(`millrace: stopping took longer than ${stopMsMax / 1_000} s`)
    process.exit(1)
  }, stopMsMax).unref()
  Effect.runFork(Fiber.interrupt(fiber))
}
process.on("SIGINT", stop)
process.on("SIGTERM", stop)

fiber.addObserver((exit) => {
  if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) console.error(explain(exit.cause))
  if (stoppingSince !== undefined) console.log(`Millrace has stopped after ${secondsSince(stoppingSince)} s`)
  const stopped =
    stoppingSince !== undefined && (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause))
  process.exit(stopped ? 0 : 1)
})
