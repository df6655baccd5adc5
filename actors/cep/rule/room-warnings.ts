/** What a rule's windows could never hold, as far as its document says how often items come and how many a window has. */
import { durationMs, type Problem, type RuleDocument, type Window } from "../../../schemas/index.ts"
import { heldBytesMax } from "../held-bytes.ts"
import { slidingSamplesMax } from "../windows/samples-window.ts"

/** About what a sample takes in a window with two functions. */
const sampleBytes = 32
/** A rule with keys that has room for fewer groups than this is warned of. */
const groupsExpected = 100

/** How far apart items of the trigger are at most; undefined where nobody knows. */
const everyMsOf = ({ trigger }: RuleDocument): number | undefined => {
  const every =
    trigger.type === "metric" ? trigger.poll?.every : trigger.type === "schedule" ? trigger.every : undefined
  return every === undefined ? undefined : durationMs(every)
}

/** At least so many, once it is full. */
const samplesOf = (window: Window, everyMs: number | undefined): number => {
  if (window.type === "count") return window.count
  return window.type === "sliding" && everyMs !== undefined ? Math.ceil(durationMs(window.size) / everyMs) : 0
}

/** Gotcha: of a document that compiles. */
export const roomWarnings = (document: RuleDocument): ReadonlyArray<Problem> => {
  const warnings: Array<Problem> = []
  const windows = new Map<string, number>()
  for (const [name, aggregate] of Object.entries(document.aggregates ?? {})) {
    const { metric, event, where, field, window } = aggregate
    const isTriggers = metric === undefined && event === undefined && where === undefined
    const samples = samplesOf(window, isTriggers ? everyMsOf(document) : undefined)
    windows.set(JSON.stringify([metric, event, where, field, window]), Math.min(samples, slidingSamplesMax))
    if (samples > slidingSamplesMax)
      warnings.push({
        field: `aggregates.${name}.window.size`,
        problem: `is as long as ${samples} items take to come, a window holds the last ${slidingSamplesMax}`,
        remedy: "make it shorter, let items come less often, or use a hopping window, which keeps no items",
      })
  }
  const bytes = [...windows.values()].reduce((sum, samples) => sum + samples * sampleBytes, 0)
  const groups = Math.floor(heldBytesMax / bytes)
  if ((document.group_by ?? []).length > 0 && groups < groupsExpected)
    warnings.push({
      field: "group_by",
      problem: `a rule has room for about ${groups} groups with full windows; of more, what they held longest leaves early`,
      remedy: "use shorter windows or smaller counts, hopping windows, or a rule for each part of the groups",
    })
  return warnings
}
