/** Says in a few plain sentences why an alert was in its state at a time, and whether the alert desk says so too. */
import { type AlertState, durationMs, durationText, type RuleDocument } from "../../../schemas/index.ts"
import type { Step } from "../evaluator.ts"
import { modeOf } from "../rule/mode.ts"
import { type DeskState, deskSentence, differenceSentence, onlyDeskSentence } from "./desk-record.ts"
import type { ExplainedVersion } from "./explain.ts"
import { deathSentence, findingSentence, stageSentence, timeText } from "./sentences.ts"

export interface Summarized {
  readonly document: RuleDocument
  readonly at: number
  readonly state: AlertState
  readonly since: number | undefined
  /** Before the time. */
  readonly steps: ReadonlyArray<Step>
  /** With which it came into its state. */
  readonly cause: Step | undefined
  readonly matchedAt: number | undefined
  readonly changes: ReadonlyArray<ExplainedVersion>
  readonly isBeforeRule: boolean
  /** Held against the alert desk, and both say the same. */
  readonly isCompared: boolean
  readonly agrees: boolean
  /** What the desk has may not be the last of it. */
  readonly isBehind: boolean
  readonly desk?: DeskState | undefined
  readonly quietBy?: ReadonlyArray<string>
  readonly readFrom?: number | undefined
}

const lateOnes = (steps: ReadonlyArray<Step>): string => {
  const uncounted = steps.filter(({ late }) => late?.isCounted === false)
  const worst = Math.max(...uncounted.map(({ at, late }) => late!.watermark - at))
  if (uncounted.length === 0) return ""
  const what = uncounted.length === 1 ? "1 item" : `${uncounted.length} items`
  return ` ${what} came too late to be counted, by up to ${durationText(worst)}: see timing.`
}

const failures = (steps: ReadonlyArray<Step>): string => {
  const last = steps.findLast(({ late }) => late?.isCounted !== false)
  if (last === undefined) return ""
  const reasons = last.findings.filter(({ result }) => result !== true).map(findingSentence)
  // What is waited for says more than that the item begins no match of its own.
  const awaited = last.stages.filter(({ waiting, isNot }) => waiting > 0 && !isNot)
  const missed = (awaited.length > 0 ? awaited : last.stages).filter(({ takes, isNot }) => !takes && !isNot)
  if (!last.passedFilter)
    return ` The last item, at ${timeText(last.at)}, was refused by the filter. ${reasons.join(" ")}`
  const deaths = steps
    .flatMap(({ deaths }) => deaths)
    .slice(-1)
    .map(deathSentence)
  return ` At the last evaluation, at ${timeText(last.at)}: ${[...reasons, ...missed.map(stageSentence), ...deaths].join(" ") || "nothing had matched."}`
}

/** What the evaluations say. */
const evaluated = (of: Summarized): string => {
  const { document, at, state, since, steps, cause, changes } = of
  const change = changes.findLast(({ to }) => to === state)
  const isByChange = cause === undefined && change !== undefined
  const by = isByChange ? `, when version ${change.version} of the rule began to count` : ""
  const began = since === undefined ? "" : ` since ${timeText(since)}${by}`
  switch (state) {
    case "firing": {
      const why = cause?.findings.filter(({ result }) => result === true).map(findingSentence) ?? []
      return `${[`It fired${began}.`, ...why].join(" ")}${lateOnes(steps)}`
    }
    case "pending": {
      const forMs = document.for === undefined ? 0 : durationMs(document.for)
      const left = Math.max(0, (since ?? at) + forMs - at)
      return `It was pending${began}: the condition held, but must hold for ${document.for ?? "the rest of the cooldown"}; ${durationText(left)} were missing.`
    }
    case "no_data":
      return `It had no data${began}: nothing came for ${document.missing_data?.after}.`
    case "error":
      return `Its condition could not be evaluated${began}.${failures(steps)}${lateOnes(steps)}`
    case "resolved": {
      // What was evaluated under another document does not say why it is over under this one.
      const why = isByChange ? "" : failures(steps)
      return `It did not fire: it was resolved${began}.${why}${lateOnes(steps)}`
    }
    case "inactive":
      return `It did not fire.${failures(steps)}${lateOnes(steps)}`
  }
}

const matched = ({ at, matchedAt, steps }: Summarized): string =>
  matchedAt === undefined
    ? `It did not match.${failures(steps)}${lateOnes(steps)}`
    : `It matched at ${timeText(matchedAt)}${matchedAt < at ? ", the last time before the time that was asked about" : ""}.`

const versionSentences = (changes: ReadonlyArray<ExplainedVersion>): ReadonlyArray<string> =>
  changes.map(
    ({ version, at, to }) =>
      `Version ${version} of the rule counts since ${timeText(at)}${to === undefined ? "" : `; with it the alert became ${to}`}.`,
  )

const quietSentence = ({ state, desk, quietBy = [] }: Summarized): ReadonlyArray<string> =>
  quietBy.length > 0 && (desk?.state ?? state) === "firing"
    ? [`It is kept quiet now, by ${quietBy.join(", ")}: nobody is told of it.`]
    : []

/** Why it was in that state at that time. */
export const summaryOf = (of: Summarized): string => {
  const { document, at, state, steps, changes, isBeforeRule, desk, readFrom } = of
  const told = modeOf(document) === "trigger" ? matched(of) : evaluated(of)
  const before = isBeforeRule ? ["The rule was not there at that time: this is what it would have said."] : []
  const more = [...versionSentences(changes), ...quietSentence(of)]
  if (!of.isCompared) return [...before, told, ...more].join(" ")
  if (steps.length === 0 && desk !== undefined)
    return [deskSentence(desk), onlyDeskSentence(readFrom, at), ...more].join(" ")
  if (of.agrees) return [told, ...more].join(" ")
  const difference = differenceSentence(desk, state, readFrom, of.isBehind)
  return [...(desk === undefined ? [] : [deskSentence(desk)]), difference, told, ...more].join(" ")
}

/** `from`: when the first message that was read was stored. */
export const nothingSentence = (from: number | undefined, at: number): string => {
  const range =
    from === undefined || from > at
      ? "before or at that time"
      : `between ${timeText(from)} and ${timeText(at)}`
  return `Nothing that this rule looks at came ${range}, so nothing was evaluated: see its trigger, where and group.`
}
