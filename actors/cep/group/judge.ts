/** What a rule's conditions come to for one group, and what its alert makes of it. */
import { withOneEffort } from "../expression/effort.ts"
import type { Match } from "../patterns/pattern.ts"
import type { Group } from "./group.ts"
import { severityOf } from "./tell.ts"

/** The condition could not be evaluated. */
export const fail = ({ rule, life }: Group, error: unknown, at: number): void => {
  const detail = rule.noteError(error, at)
  life.fail(rule.program.onError, at, detail)
}

const judgeSeverity = (group: Group, at: number): void => {
  if (group.life.state !== "firing" || severityOf(group) === group.severity) return
  group.tell("firing", "severity", at)
}

/** With an item, or at the end of a window. */
export const judge = (group: Group, at: number): void => {
  const { rule, life } = group
  const { program, host } = rule
  rule.evaluations += 1
  group.judgedAt = at
  group.loadScope(at)
  try {
    const holds = program.condition === undefined ? true : program.condition.evaluate(host.scope)
    if (holds === undefined) return
    if (holds) rule.matches += 1
    if (rule.isPointwise) {
      if (holds) life.strike(program, at)
      return
    }
    const clears =
      !holds &&
      (program.clear === undefined ||
        (life.state === "firing" && program.clear.evaluate(host.scope) === true))
    life.judge(program, holds, clears, at)
  } catch (error) {
    fail(group, error, at)
  }
  if (program.levels.length > 0) judgeSeverity(group, at)
}

/**
 * Of one item's matches, and of the windows that end with it, so many change an alert, or are acted on; the others are
 * passed over, as an error of the rule.
 */
export const changesPerItemMax = 100
const tooManyChanges = new Error(
  `one item made more than ${changesPerItemMax} changes: further matches and windows were passed over; set after_match, or a slide, so that fewer overlap`,
)

const saysTooMuch = ({ rule }: Group, at: number): boolean => {
  if (rule.transitions - rule.transitionsBefore < changesPerItemMax) return false
  rule.noteError(tooManyChanges, at)
  return true
}

/** With a window that has ended before the item that ends it, or that a late item corrects. */
export const judgeEnd = (group: Group, end: number): void => {
  const at = Math.max(end, group.judgedAt)
  if (!saysTooMuch(group, at)) judge(group, at)
}

/** With each match of a pattern. */
export const judgeMatches = (group: Group, matches: ReadonlyArray<Match>, at: number): void =>
  withOneEffort(() => {
    for (const match of matches) {
      if (saysTooMuch(group, at)) return
      judgeMatch(group, match, at)
    }
  })

const judgeMatch = (group: Group, match: Match, at: number): void => {
  const { rule, life } = group
  const { program, host } = rule
  group.match = match
  try {
    group.loadScope(at)
    if (host.onStep !== undefined) rule.matchFindings.push(...(program.condition?.explain(host.scope) ?? []))
    if (program.condition !== undefined && program.condition.evaluate(host.scope) !== true) return
    rule.matches += 1
    if (program.mode === "trigger") life.strike(program, at)
    else life.match(program, at)
    judgeSeverity(group, at)
  } catch (error) {
    fail(group, error, at)
  } finally {
    group.match = undefined
  }
}
