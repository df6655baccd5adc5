/** Says in plain words what an evaluation came to. */
import { type AlertState, durationMs, durationText, type RuleDocument } from "../../../schemas/index.ts"
import type { Step } from "../evaluator.ts"
import type { Finding } from "../expression/expression.ts"
import type { Death } from "../patterns/pattern.ts"

/** Attributes of an event that are told. */
const toldAttributesMax = 8

const timeText = (at: number): string => new Date(at).toISOString()

const valueText = (value: unknown): string =>
  typeof value === "number" ? String(Number(value.toPrecision(6))) : (JSON.stringify(value) ?? "nothing")

const itemSentence = ({ item }: Step): ReadonlyArray<string> => {
  if (item === undefined) return []
  const labels = Object.entries(item.isEvent ? item.attributes : item.labels)
    .slice(0, toldAttributesMax)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(", ")
  const what = labels === "" ? item.name : `${item.name}{${labels}}`
  return [item.isEvent ? `Event ${what} came.` : `${what} was ${valueText(item.value)}.`]
}

const findingSentence = ({ source, result, left, right, short, detail }: Finding): string => {
  if (result === "error") return `${source} could not be evaluated: ${detail ?? "no reason was given"}.`
  if (result === undefined) return `${source} says nothing yet: ${detail ?? "a value is not there yet"}.`
  const sides =
    left === undefined && right === undefined ? "" : ` (${valueText(left)} against ${valueText(right)})`
  const gap = result || short === undefined ? "" : `, short by ${valueText(Math.abs(short))}`
  return `${source} was ${result}${sides}${gap}.`
}

/** What became of an item that came too late to be in order. */
const lateSentence = ({ timing }: RuleDocument, { at, late }: Step): ReadonlyArray<string> => {
  if (late === undefined) return []
  const {
    out_of_orderness: order = "0s",
    allowed_lateness: allowed = "0s",
    late: policy = "drop",
  } = timing ?? {}
  const by = `It came late by ${durationText(late.watermark - at)}: the watermark was ${timeText(late.watermark)} already (timing.out_of_orderness is ${order}).`
  const fate =
    policy === "publish"
      ? "it was published as an event millrace.late (timing.late is publish)"
      : "it was dropped (timing.late is drop)"
  return [
    by,
    late.isCounted
      ? `A window counted it all the same (timing.allowed_lateness is ${allowed}).`
      : `Nothing counted it (timing.allowed_lateness is ${allowed}), and ${fate}.`,
  ]
}

const reasons: Readonly<Record<Death["reason"], string>> = {
  within: "its time was over",
  strict: "the next item was another one",
  not: "what must not come came",
  until: "its repetition was ended by until",
  skipped: "a match was found, and the rule skips what overlaps it",
  limit: "there were too many partial matches",
}

const deathSentence = ({ reason, stage, startAt, at }: Death): string =>
  `The partial match that began at ${timeText(startAt)} died in stage ${stage} at ${timeText(at)}: ${reasons[reason]}.`

const waiting = (count: number): string =>
  count === 0
    ? "No partial match waits."
    : count === 1
      ? "1 partial match waits."
      : `${count} partial matches wait.`

const stateSentence = ({ before, after }: Step): string =>
  before === after ? `The alert stayed ${after}.` : `The alert went from ${before} to ${after}.`

export const sentencesOf = (document: RuleDocument, step: Step): ReadonlyArray<string> => {
  const findings = step.findings.map(findingSentence)
  if (!step.passedFilter)
    return [...itemSentence(step), `The filter ${document.filter} refused it.`, ...findings]
  return [
    ...itemSentence(step),
    ...lateSentence(document, step),
    ...(step.item === undefined ? ["Nothing came; time went on."] : []),
    ...findings,
    ...step.deaths.map(deathSentence),
    ...(document.pattern === undefined ? [] : [waiting(step.partialMatches)]),
    ...(step.detail === undefined ? [] : [`${step.detail}.`]),
    stateSentence(step),
  ]
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
  if (!last.passedFilter)
    return ` The last item, at ${timeText(last.at)}, was refused by the filter. ${reasons.join(" ")}`
  const deaths = steps
    .flatMap(({ deaths }) => deaths)
    .slice(-1)
    .map(deathSentence)
  return ` At the last evaluation, at ${timeText(last.at)}: ${[...reasons, ...deaths].join(" ") || "nothing had matched."}`
}

/** Why it was in that state at that time. */
export const summaryOf = (
  document: RuleDocument,
  at: number,
  state: AlertState,
  since: number | undefined,
  steps: ReadonlyArray<Step>,
): string => {
  const began = since === undefined ? "" : ` since ${timeText(since)}`
  switch (state) {
    case "firing": {
      const cause = steps.findLast(({ before, after }) => before !== "firing" && after === "firing")
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
    case "resolved":
      return `It did not fire: it was resolved${began}.${failures(steps)}${lateOnes(steps)}`
    case "inactive":
      return `It did not fire.${failures(steps)}${lateOnes(steps)}`
  }
}
