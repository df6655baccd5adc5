/**
 * What version 1 wrote, as version 2 has it. A rule of version 1 compared one metric with one threshold, saw the samples
 * itself and told an agent; its document says the same, and tells of its alerts over the channel that has that agent's
 * id. What its groups had come to is not kept: their lane finds out anew. It goes into its lane when somebody reads it.
 */
import { durationText, type Labels, type RuleDocument } from "../../schemas/index.ts"
import { evolve, initial, type State } from "./state.ts"

interface RuleOfVersion1 {
  readonly name: string
  readonly metric: string
  readonly where?: Labels
  readonly group_by: ReadonlyArray<string>
  readonly operator: ">" | ">=" | "<" | "<="
  readonly threshold: number
  readonly clear?: number
  readonly for_ms: number
  readonly severity: "info" | "warning" | "critical"
  readonly notify: string
  readonly enabled: boolean
}

/** As a number with a fraction, which every number of a sample is. */
const literal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value))

const clearOf = ({ operator, threshold, clear }: RuleOfVersion1) =>
  clear === undefined || clear === threshold
    ? {}
    : { clear: `value ${operator === ">" || operator === ">=" ? "<=" : ">="} ${literal(clear)}` }

/** Version 1 took any name that was not only spaces. */
const nameOf = (name: string): string => name.replaceAll(/[\p{Cc}\p{Cs}]+/gu, " ")

export const documentOf = (rule: RuleOfVersion1): RuleDocument => ({
  name: nameOf(rule.name),
  trigger: {
    type: "metric",
    metric: rule.metric,
    ...(rule.where === undefined ? {} : { where: rule.where }),
  },
  group_by: rule.group_by,
  condition: `value ${rule.operator} ${literal(rule.threshold)}`,
  ...clearOf(rule),
  ...(rule.for_ms === 0 ? {} : { for: durationText(rule.for_ms) }),
  severity: rule.severity,
  actions: [{ type: "notify", channel: rule.notify }],
  enabled: rule.enabled,
})

interface Stored {
  readonly _tag: string
  readonly [field: string]: unknown
}

/** Samples go to lanes now. */
export const upcastCommand = (stored: Stored): Stored => {
  if (stored._tag === "Define") return { _tag: "Define", document: documentOf(stored.rule as RuleOfVersion1) }
  return stored._tag === "Observe" ? { _tag: "Read" } : stored
}

/** Changes nothing: of what the groups of a rule came to, and of samples that were counted. */
const nothing = { _tag: "Indexed", number: 0, reached: false }

export const upcastEvent = (stored: Stored): Stored => {
  if (stored._tag === "Defined")
    return { _tag: "Defined", document: documentOf(stored.definition as RuleOfVersion1), at: 0 }
  return stored._tag === "EnabledSet" ? { ...stored, at: 0 } : nothing
}

export const upcastState = (stored: unknown): State => {
  const { rule, definition } = stored as { readonly rule: string; readonly definition?: RuleOfVersion1 }
  if (definition === undefined) return initial(rule)
  return evolve.Defined(initial(rule), { _tag: "Defined", document: documentOf(definition), at: 0 })
}
