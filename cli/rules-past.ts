/** Rules over the past and over what is given: back-tests, tests, explanations. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AnswerOf, cepPastEndpoints } from "../schemas/index.ts"
import { Failure } from "./failure.ts"
import { ask, json, path, print, ruleId, textOf, warningLine } from "./rules-asking.ts"

type Past = AnswerOf<typeof cepPastEndpoints.backtest>
type Tested = AnswerOf<typeof cepPastEndpoints.test>
type Explained = AnswerOf<typeof cepPastEndpoints.explain>

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const pairOf = (text: string): readonly [string, string] => {
  const [name = "", ...value] = text.split("=")
  return [name, value.join("=")]
}

const transitionLine = ({ at, to, cause, labels }: Past["transitions"][number]): string =>
  `${at}\t${to}\t${cause}\t${JSON.stringify(labels)}`

const firingLine = ({ labels, fired_at, resolved_at, severity }: Past["firings"][number]): string =>
  `${fired_at}\t${resolved_at ?? "still firing"}\t${severity}\t${JSON.stringify(labels)}`

const rendered = ({ firings, counts, items, truncated, to: until }: Past): string =>
  [
    ...firings.map(firingLine),
    `${counted(counts.firings ?? 0, "firing")}, ${counted(items, "item")}${truncated ? `, cut at ${until}` : ""}`,
  ].join("\n")

export const backtest = Command.make(
  "backtest",
  {
    rule: ruleId,
    from: Flag.String("from").pipe(Flag.withDescription("an ISO time; a day ago when absent"), Flag.optional),
    to: Flag.String("to").pipe(Flag.withDescription("an ISO time; now when absent"), Flag.optional),
    csv: Flag.String("csv").pipe(Flag.withDescription("a file instead of the stream"), Flag.optional),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const csv = Option.isSome(input.csv) ? { csv: yield* textOf(input.csv.value) } : {}
    const from = Option.isSome(input.from) ? { from: input.from.value } : {}
    const to = Option.isSome(input.to) ? { to: input.to.value } : {}
    const past = yield* ask<Past>("POST", path(input.rule, "/backtest"), { ...csv, ...from, ...to })
    yield* print(input.json, past, rendered)
  }),
).pipe(Command.withDescription("Show what a rule would have done over the past"))

export const explain = Command.make(
  "explain",
  {
    rule: ruleId,
    at: Flag.String("at").pipe(Flag.withDescription("an ISO time")),
    group: Argument.String("label=value").pipe(Argument.variadic()),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const group = Object.fromEntries(input.group.map(pairOf))
    const asked = { at: input.at, ...(input.group.length === 0 ? {} : { group }) }
    const why = yield* ask<Explained>("POST", path(input.rule, "/explain"), asked)
    yield* print(input.json, why, ({ summary, groups }) =>
      [summary, ...groups.flatMap(({ steps }) => steps.flatMap(({ sentences }) => sentences.join(" ")))].join(
        "\n",
      ),
    )
  }),
).pipe(Command.withDescription("Show why a rule fired at a time, or why it did not"))

export const test = Command.make(
  "test",
  {
    rule: ruleId,
    file: Flag.String("file").pipe(
      Flag.withAlias("f"),
      Flag.withDescription('JSON as {"samples":[…],"events":[…]}, with another "document" if wanted'),
    ),
    wait: Flag.String("wait").pipe(
      Flag.withDescription("how much time passes after the last of them, as 5m"),
      Flag.optional,
    ),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const text = yield* textOf(input.file)
    const given = yield* Effect.try({
      try: () => JSON.parse(text) as Readonly<Record<string, unknown>>,
      catch: () => new Failure({ reason: `${input.file} is not JSON` }),
    })
    const wait = Option.isSome(input.wait) ? { wait: input.wait.value } : {}
    const tested = yield* ask<Tested>("POST", path(input.rule, "/test"), { ...given, ...wait })
    yield* print(input.json, tested, (past) =>
      [...past.transitions.map(transitionLine), rendered(past), ...past.warnings.map(warningLine)].join("\n"),
    )
  }),
).pipe(Command.withDescription("Show what a rule says of samples and events in a file; nothing is sent"))
