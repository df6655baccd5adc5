/** Rules that change: what an edit would do, the documents that there were, and switching, removing, restoring. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { AnswerOf, cepInsightEndpoints, cepRuleEndpoints } from "../schemas/index.ts"
import { renderTable } from "./render.ts"
import { ask, askWithFile, file, json, path, print, ruleId, textOf, warningLine } from "./rules-asking.ts"

type Compared = AnswerOf<typeof cepInsightEndpoints.compare>
type Versions = AnswerOf<typeof cepRuleEndpoints.versions>
type Rule = AnswerOf<typeof cepRuleEndpoints.read>

const renderCompared = ({ changes, keeps_state, differences, problems, warnings }: Compared): string =>
  [
    ...(changes
      ? [
          renderTable(
            ["field", "effect"],
            differences.map(({ field, effect }) => [field, effect]),
          ),
          keeps_state
            ? "windows, partial matches and states are kept"
            : "windows, partial matches and states are made again from the stream",
        ]
      : ["the document says the same as the rule's"]),
    ...problems.map(({ field, problem, remedy }) => `refused: ${field}: ${problem}; ${remedy}`),
    ...warnings.map(warningLine),
  ].join("\n")

export const compare = Command.make(
  "compare",
  { rule: ruleId, file, json },
  Effect.fnUntraced(function* (input) {
    const text = yield* textOf(input.file)
    const asking = askWithFile<Compared>("POST", path(input.rule, "/compare"), "application/yaml", text)
    yield* print(input.json, yield* asking, renderCompared)
  }),
).pipe(Command.withDescription("Show what an edit would change, keep and rebuild; changes nothing"))

export const versions = Command.make("versions", { rule: ruleId, json }, (input) =>
  Effect.flatMap(ask<Versions>("GET", path(input.rule, "/versions")), (found) =>
    print(input.json, found, (kept) =>
      renderTable(
        ["version", "at", "by", "restored", "name"],
        kept.versions.map(({ version, at, by = "-", restored, document }) => [
          String(version),
          at,
          by,
          restored === undefined ? "-" : `v${restored}`,
          document.name,
        ]),
      ),
    ),
  ),
).pipe(Command.withDescription("List the documents that a rule had, newest first"))

const renderRule = ({ rule_id, version, document }: Rule): string =>
  `${rule_id} is in version ${version}, ${document.enabled === false ? "disabled" : "enabled"}`

export const restore = Command.make(
  "restore",
  { rule: ruleId, version: Argument.Int("version"), json },
  ({ rule, version, ...input }) =>
    Effect.flatMap(ask<Rule>("POST", path(rule, `/versions/${version}/restore`)), (restored) =>
      print(input.json, restored, renderRule),
    ),
).pipe(Command.withDescription("Make an older document the newest, also of a rule that was removed"))

const switching = (what: "enable" | "disable", description: string) =>
  Command.make(what, { rule: ruleId, json }, (input) =>
    Effect.flatMap(ask<Rule>("POST", path(input.rule, `/${what}`)), (rule) =>
      print(input.json, rule, renderRule),
    ),
  ).pipe(Command.withDescription(description))

export const enable = switching("enable", "Let a rule run")
export const disable = switching("disable", "Stop a rule; what fires is resolved")

export const remove = Command.make("remove", { rule: ruleId, json }, (input) =>
  Effect.andThen(
    ask("DELETE", path(input.rule)),
    print(input.json, { rule_id: input.rule, removed: true }, ({ rule_id }) => `${rule_id} was removed`),
  ),
).pipe(Command.withDescription("Remove a rule; what fires is resolved, and its documents stay for a while"))
