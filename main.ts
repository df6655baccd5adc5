/** `npm start`: one node with everything it needs. Ctrl-C drains and stops it; a second Ctrl-C does not wait. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { developmentUser } from "./gateway/index.ts"
import { NodeLog, nodeLogLayer } from "./resources/index.ts"
import { startNode } from "./runtime.ts"
import { readSettings, type Settings } from "./settings.ts"

/** How long stopping may take before the process ends anyway; what it started ends with it. */
const stopMsMax = 20_000

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const sameKeypressMs = 500

/** Tells whoever started the node: a person, or in JSON mode whoever collects its log. */
interface Voice {
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
  readonly ready: (facts: Readonly<Record<string, string>>, forPeople: ReadonlyArray<string>) => void
}

const readyText = () => `Millrace is ready after ${process.uptime().toFixed(1)} s`

const toPeople: Voice = {
  say: (text) => console.log(text),
  complain: (text) => console.error(text),
  ready: (facts, forPeople) => {
    const lines = Object.entries(facts).map(([name, value]) => `  ${name.padEnd(10)} ${value}`)
    console.log([readyText(), ...lines, ...forPeople].join("\n"))
  },
}

let voice = toPeople

/** What only people on a terminal are told is left out: a log is kept, and an API key is not for keeping. */
const toCollectors = Effect.map(
  NodeLog,
  (log): Voice => ({
    say: (text) => log.log("info", text.trim()),
    complain: (text) => log.log("error", text),
    ready: (facts) => log.log("info", readyText(), facts),
  }),
)

const say = (text: string) => Effect.sync(() => voice.say(text))

// Whoever reads the output may leave; the node goes on.
process.stdout.on("error", () => {})
const writeLine = (line: string) => process.stdout.write(`${line}\n`)
const secondsSince = (start: number) => ((performance.now() - start) / 1_000).toFixed(1)

const runNode = Effect.fnUntraced(function* (settings: Settings) {
  if (settings.log.format === "json") voice = yield* toCollectors
  yield* say("Millrace is starting")
  const { node, ended } = yield* startNode(settings, (line) => say(`  ${line}`))
  const facts = { gateway: node.url, health: `${node.url}/health` }
  const forDevelopers = [
    `  API key    ${node.apiKey}`,
    `  of the user ${developmentUser}, who may do everything; also in ${settings.home}/node.json, for development only`,
  ]
  voice.ready(settings.login.issuer === undefined ? facts : { ...facts, login: settings.login.issuer }, [
    ...(node.apiKey === "" ? [] : forDevelopers),
    "Ctrl-C stops it; npm run demo shows what it does.",
  ])
  return yield* ended
}, Effect.scoped)

const run = Effect.gen(function* () {
  const settings = yield* Effect.sync(() => readSettings(process.env))
  return yield* Effect.provide(runNode(settings), nodeLogLayer(settings.log, writeLine))
})

/** One line for a person; a defect also tells where. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const message = error instanceof Error ? error.message : String(error)
  const expected = typeof error === "object" && error !== null && ("_tag" in error || "code" in error)
  const known = expected || message.startsWith("The development login does not exist")
  return known ? `millrace: ${message}` : `millrace: ${Cause.pretty(cause)}`
}

const fiber = Effect.runFork(run)
let stoppingSince: number | undefined

const stop = () => {
  if (stoppingSince !== undefined) {
    if (performance.now() - stoppingSince < sameKeypressMs) return
    voice.complain("millrace: stopped without waiting")
    process.exit(130)
  }
  stoppingSince = performance.now()
  voice.say("Millrace is stopping")
  setTimeout(() => {
    voice.complain(`millrace: stopping took longer than ${stopMsMax / 1_000} s`)
    process.exit(1)
  }, stopMsMax).unref()
  Effect.runFork(Fiber.interrupt(fiber))
}
process.on("SIGINT", stop)
process.on("SIGTERM", stop)

fiber.addObserver((exit) => {
  if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) voice.complain(explain(exit.cause))
  if (stoppingSince !== undefined) voice.say(`Millrace has stopped after ${secondsSince(stoppingSince)} s`)
  const stopped =
    stoppingSince !== undefined && (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause))
  process.exit(stopped ? 0 : 1)
})
