/**
 * What an edit of a live rule does to what the rule has come to. Windows, partial matches and the states of groups are
 * kept as long as they mean the same under the new version; else they are made again by replaying the stream.
 */
import type { PatternDocument, RuleDocument } from "../../../schemas/index.ts"
import { modeOf } from "./mode.ts"

export interface Compatibility {
  readonly keepsState: boolean
  readonly differences: ReadonlyArray<{ readonly field: string; readonly effect: string }>
}

interface Aspect {
  readonly field: string
  /** What has to be equal; anything that JSON can write. */
  readonly of: (document: RuleDocument) => unknown
  readonly keeps: boolean
  readonly effect: string
}

/** Equal for values that differ only in the order of their fields. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  ) ?? ""

const sourceOf = ({ trigger }: RuleDocument) => {
  if (trigger.type === "schedule") return { type: trigger.type }
  const { type, where } = trigger
  return { type, name: trigger.type === "metric" ? trigger.metric : trigger.event, where: where ?? {} }
}

const scheduleOf = ({ trigger }: RuleDocument) => (trigger.type === "schedule" ? trigger : undefined)
const pollOf = ({ trigger }: RuleDocument) => (trigger.type === "metric" ? trigger.poll : undefined)

/** A pattern without its conditions. */
const structureOf = (pattern: PatternDocument | undefined) =>
  pattern === undefined
    ? undefined
    : JSON.parse(
        JSON.stringify(pattern, (key, value: unknown) =>
          (key === "condition" || key === "until") && typeof value === "string" ? true : value,
        ),
      )

const rebuilt = "the state of all groups is made again by replaying the stream, as far back as it reaches"
const atOnce = "holds from the next evaluation on; windows, partial matches and states are kept"

const aspects: ReadonlyArray<Aspect> = [
  { field: "trigger", of: sourceOf, keeps: false, effect: `other items come in: ${rebuilt}` },
  {
    field: "trigger.poll",
    of: pollOf,
    keeps: true,
    effect: "samples are fetched the new way from now on; states are kept",
  },
  {
    field: "trigger",
    of: scheduleOf,
    keeps: true,
    effect: "the next run follows the new schedule; states are kept",
  },
  { field: "mode", of: modeOf, keeps: false, effect: `states have another meaning: ${rebuilt}` },
  { field: "filter", of: ({ filter }) => filter, keeps: false, effect: `other items come in: ${rebuilt}` },
  {
    field: "group_by",
    of: ({ group_by: names }) => names ?? [],
    keeps: false,
    effect: `there are other groups: ${rebuilt}`,
  },
  {
    field: "aggregates",
    // Their order is that of their places in the state.
    of: ({ aggregates }) => Object.entries(aggregates ?? {}),
    keeps: false,
    effect: `windows hold something else: ${rebuilt}`,
  },
  {
    field: "pattern",
    of: ({ pattern }) => structureOf(pattern),
    keeps: false,
    effect: `partial matches do not fit the new stages: ${rebuilt}`,
  },
  {
    field: "pattern.stages",
    of: ({ pattern }) => pattern,
    keeps: true,
    effect:
      "stages have the same names and order: partial matches are kept, and the new conditions decide what they take from now on",
  },
  {
    field: "timing",
    of: ({ timing = {} }) => [timing.out_of_orderness ?? "0", timing.allowed_lateness ?? "0"],
    keeps: false,
    effect: `items are ordered otherwise: ${rebuilt}`,
  },
  { field: "timing.late", of: ({ timing }) => timing?.late ?? "drop", keeps: true, effect: atOnce },
  ...(
    [
      "condition",
      "clear",
      "for",
      "keep_firing_for",
      "cooldown",
      "missing_data",
      "on_error",
      "levels",
      "severity",
    ] as const
  ).map((field): Aspect => ({ field, of: (document) => document[field], keeps: true, effect: atOnce })),
  ...(["name", "labels", "annotations", "actions", "repeat", "notify_group_by", "owner"] as const).map(
    (field): Aspect => ({
      field,
      of: (document) => document[field],
      keeps: true,
      effect: "alerts carry it from their next change on; states are kept",
    }),
  ),
  {
    field: "description",
    of: ({ description }) => description,
    keeps: true,
    effect: "nothing is evaluated otherwise",
  },
  {
    field: "enabled",
    of: ({ enabled }) => enabled ?? true,
    keeps: true,
    effect:
      "a rule that is disabled ends its alerts; one that is enabled begins anew by replaying the stream",
  },
]

/** What changes from one version to the next. The broader of two findings about one field hides the other. */
export const compatibility = (before: RuleDocument, after: RuleDocument): Compatibility => {
  const changed = aspects.filter(({ of }) => canonical(of(before)) !== canonical(of(after)))
  const breaking = changed.filter(({ keeps }) => !keeps).map(({ field }) => field)
  const differences = changed.filter(
    ({ field, keeps }) =>
      !keeps || !breaking.some((broad) => field === broad || field.startsWith(`${broad}.`)),
  )
  return {
    keepsState: breaking.length === 0,
    differences: differences.map(({ field, effect }) => ({ field, effect })),
  }
}
