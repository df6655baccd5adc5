/** Says in plain words what an evaluation came to. */
import { durationText, type RuleDocument } from "../../../schemas/index.ts"
import type { Step } from "../evaluator.ts"
import type { Finding } from "../expression/expression.ts"
import type { Death, StageLook } from "../patterns/pattern.ts"

/** Attributes of an event that are told. */
const toldAttributesMax = 8

export const timeText = (at: number): string => new Date(at).toISOString()

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

export const findingSentence = ({ source, result, left, right, short, detail }: Finding): string => {
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

export const deathSentence = ({ reason, stage, waitedFor, startAt, at }: Death): string => {
  const waited = waitedFor.length === 0 ? "" : ` and waited for ${waitedFor.join(" or ")}`
  return `The partial match that began at ${timeText(startAt)} had taken ${stage} last${waited}, and died at ${timeText(at)}: ${reasons[reason]}.`
}

/** What the item came to for a stage, and by how much it was missed. */
export const stageSentence = ({ stage, isNot, waiting, startAt, takes, findings }: StageLook): string => {
  const partials = waiting === 1 ? "a partial match" : `${waiting} partial matches`
  const began = `${waiting === 1 ? "" : " the oldest of which"} began at ${timeText(startAt ?? 0)}`
  const since = waiting === 1 ? ` that${began}` : `,${began}`
  const who =
    waiting === 0
      ? "a match begins with it"
      : `${isNot ? "it must not come for" : "waited for by"} ${partials}${since}`
  const fits = takes ? "the item fits" : "the item does not fit"
  return [`Stage ${stage} (${who}): ${fits}.`, ...findings.map(findingSentence)].join(" ")
}

const waiting = ({ awaited }: Step): string => {
  if (awaited.length === 0) return "No partial match waits."
  const parts = awaited.map(({ stages, count }) => {
    const what = stages.length === 0 ? "its time to be over" : stages.join(" or ")
    return `${count} partial ${count === 1 ? "match waits" : "matches wait"} for ${what}`
  })
  return `${parts.join(", ")}.`
}

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
    ...step.stages.map(stageSentence),
    ...step.deaths.map(deathSentence),
    ...(document.pattern === undefined ? [] : [waiting(step)]),
    ...(step.detail === undefined ? [] : [`${step.detail}.`]),
    stateSentence(step),
  ]
}
