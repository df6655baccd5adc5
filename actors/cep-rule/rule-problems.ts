/** Says what is wrong with a rule before it is taken: field by field, each with what to do about it. */
import { foreignRule, type Problem, type RuleDocument } from "../../schemas/index.ts"
import { compileRule } from "../cep/rule/compile-rule.ts"
import { credentialProblems } from "./credentials.ts"
import { scheduleProblems } from "./schedule.ts"

/** Of a document as JSON: fifty versions of it are kept. */
export const documentCharactersMax = 65_536

/** What stands in for the rule of alerts that come from none: a rule of that name would be told of as they are. */
const namesTaken: ReadonlySet<string> = new Set([foreignRule, "alert-desk"])

/** `version`: what it would become. */
export const ruleProblems = (
  rule: string,
  version: number,
  document: RuleDocument,
  now: number,
): ReadonlyArray<Problem> => {
  const characters = JSON.stringify(document).length
  if (characters > documentCharactersMax)
    return [
      {
        field: "(body)",
        problem: `has ${characters} characters as JSON; ${documentCharactersMax} are allowed`,
        remedy: "shorten its texts, or make several rules of it",
      },
    ]
  if (namesTaken.has(rule))
    return [{ field: "rule_id", problem: `"${rule}" stands for alerts of no rule`, remedy: "use another id" }]
  const compiled = compileRule(rule, version, document)
  return [
    ...credentialProblems(document),
    ...(document.trigger.type === "schedule" ? scheduleProblems(document.trigger, now) : []),
    ...("problems" in compiled ? compiled.problems : []),
  ]
}
