/** The lanes of the deployment from the command line: how each goes, and rebuilding one whose state cannot be read. */
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import type { AnswerOf, laneEndpoints } from "../schemas/index.ts"
import { Failure } from "./failure.ts"
import { askNode, getJson } from "./node-http.ts"
import { renderTable } from "./render.ts"

type Listed = AnswerOf<typeof laneEndpoints.list>
type Rebuilt = AnswerOf<typeof laneEndpoints.rebuild>
type Lane = Listed["lanes"][number]

const area = "/api/admin/lanes"

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("print the node's answer"),
  Flag.withDefault(false),
)

const millis = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

const problemOf = ({ state, problem, figures }: Lane): string => {
  if (problem !== undefined)
    return `${problem.reason}; since ${problem.since}, begun ${problem.times} times, again at ${problem.again_at}; ${problem.mend}`
  if (state === "unanswered") return "nobody answers for it"
  const [first] = figures?.receivers ?? []
  if (figures?.held_up === true && first !== undefined)
    return `stands still: ${first.waiting} outputs wait for ${first.receiver}`
  return figures !== undefined && figures.missed > 0
    ? `${figures.missed} messages left the stream before they were evaluated`
    : "-"
}

const cellsOf = (lane: Lane): ReadonlyArray<string> => {
  const { figures } = lane
  const figure = (of: (known: NonNullable<Lane["figures"]>) => string) =>
    figures === undefined ? "-" : of(figures)
  return [
    String(lane.lane),
    lane.node ?? "-",
    lane.state,
    figure(({ rules }) => String(rules)),
    figure(({ sequence }) => String(sequence)),
    figure(({ lag_messages: lag, lag_ms }) => (lag === 0 ? "0" : `${lag} (${millis(lag_ms)})`)),
    figure(({ latency_ms: latency }) => (latency === undefined ? "-" : millis(latency.p99))),
    figure(({ state_bytes: bytes }) => String(bytes)),
    figure(({ outputs_waiting: waiting }) => String(waiting)),
    problemOf(lane),
  ]
}

const columns = [
  "lane",
  "node",
  "state",
  "rules",
  "sequence",
  "lag",
  "p99",
  "state bytes",
  "outputs waiting",
  "problem",
]

const rebuild = Command.make(
  "rebuild",
  {
    lane: Argument.Int("lane"),
    yes: Flag.Boolean("yes").pipe(Flag.withDescription("do not ask"), Flag.withDefault(false)),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const { lane } = input
    const warning = [
      `Lane ${lane} loses what is stored of it. Its rules begin anew, each filled from what the stream still has of its past.`,
      "Lost: what fired and ended since its last checkpoint, what windows and patterns knew that is no longer in the stream,",
      "cooldowns, counts of the monitor, and which events were seen. Alerts that no longer fire are resolved. Those that",
      "fire on stay as they are, and events that rules publish when they begin to fire are published again for them.",
    ].join("\n")
    if (!input.yes) {
      if (process.stdin.isTTY !== true)
        return yield* new Failure({ reason: `${warning}\nSay --yes to do it.` })
      const answer = yield* Prompt.run(Prompt.Confirm({ message: `${warning}\nRebuild lane ${lane}?` })).pipe(
        Effect.mapError(() => new Failure({ reason: "nothing was done" })),
      )
      if (!answer) return yield* new Failure({ reason: "nothing was done" })
    }
    const done = yield* askNode<Rebuilt>(
      { method: "POST", path: `${area}/${lane}/rebuild` },
      process.env,
      [202],
    )
    yield* Console.log(
      input.json
        ? JSON.stringify(done, undefined, 2)
        : `lane ${lane} begins again behind sequence ${done.through}${done.evaluated === undefined ? "" : ` (it was at ${done.evaluated})`}; its rules enter it now: see \`millrace lanes\``,
    )
  }),
).pipe(Command.withDescription("Throw away what is stored of a lane, and fill its rules from the stream"))

export const lanes = Command.make("lanes", { json }, (input) =>
  Effect.flatMap(getJson<Listed>(area, process.env), (found) =>
    Console.log(
      input.json ? JSON.stringify(found, undefined, 2) : renderTable(columns, found.lanes.map(cellsOf)),
    ),
  ),
).pipe(
  Command.withDescription("Show each lane: where it is, how far behind, what waits, what is wrong with it"),
  Command.withSubcommands([rebuild]),
)
