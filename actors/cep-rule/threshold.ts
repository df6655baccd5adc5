/** The threshold of a rule, applied to one sample of one group: pure, by the samples' own time. */
import type { Rule } from "../../schemas/index.ts"

type Operator = Rule["operator"]

export interface Group {
  readonly status: "inactive" | "pending" | "firing"
  /** When the condition began to hold; 0 while inactive. */
  readonly since: number
}

export type Transition = "BreachStarted" | "BreachEnded" | "AlertRaised" | "AlertResolved"

const holds = (operator: Operator, value: number, level: number): boolean => {
  switch (operator) {
    case ">":
      return value > level
    case ">=":
      return value >= level
    case "<":
      return value < level
    case "<=":
      return value <= level
  }
}

/** While firing, the value must be back at or beyond the clear level, so that it does not flap around the threshold. */
const isClear = ({ operator, threshold, clear }: Rule, value: number): boolean => {
  if (clear === undefined || clear === threshold) return !holds(operator, value, threshold)
  return operator === ">" || operator === ">=" ? value <= clear : value >= clear
}

export const matches = (rule: Rule, value: number): boolean => holds(rule.operator, value, rule.threshold)

/** The transitions of a group that sees `value` at `at`, in order: usually none. */
export const transitions = (
  rule: Rule,
  group: Group,
  { value, at }: { readonly value: number; readonly at: number },
): ReadonlyArray<Transition> => {
  switch (group.status) {
    case "inactive":
      if (!matches(rule, value)) return []
      return rule.for_ms === 0 ? ["BreachStarted", "AlertRaised"] : ["BreachStarted"]
    case "pending":
      if (!matches(rule, value)) return ["BreachEnded"]
      return at - group.since >= rule.for_ms ? ["AlertRaised"] : []
    case "firing":
      return isClear(rule, value) ? ["AlertResolved", "BreachEnded"] : []
  }
}

export const afterTransition = (group: Group, transition: Transition, at: number): Group => {
  switch (transition) {
    case "BreachStarted":
      return { status: "pending", since: at }
    case "AlertRaised":
      return { status: "firing", since: group.since }
    case "AlertResolved":
      return { status: "pending", since: group.since }
    case "BreachEnded":
      return { status: "inactive", since: 0 }
  }
}
