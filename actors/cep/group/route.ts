/** The way of the items of one series, or of one event, into one rule: decided once, used for each of its items. */
import type { EventAttributes, Labels } from "../../../schemas/index.ts"
import type { Item } from "../item.ts"
import type { Group } from "./group.ts"
import type { LiveRule } from "./live-rule.ts"

export const noAttributes: EventAttributes = Object.freeze({})

/** Characters of a label's value; attributes of events may have more. */
const labelCharactersMax = 256

/** As an alert can carry it: whoever is told takes no other. */
const labelOf = (value: unknown): string =>
  typeof value === "string" ? value.slice(0, labelCharactersMax).toWellFormed() : ""

export class Route {
  readonly rule: LiveRule
  readonly name: string
  readonly isEvent: boolean
  readonly labels: Labels
  /** Of the rule's inputs, those that take its items. */
  readonly inputs: ReadonlyArray<number>
  /** Whether the rule's condition is about its items, and not only an aggregate or a stage. */
  readonly isTrigger: boolean
  /** What is left when the rule's filter refuses an item: inputs of its own name. */
  readonly beside: Route | undefined
  /** The values of the rule's keys. */
  readonly key: string
  group: Group | undefined = undefined

  constructor(rule: LiveRule, name: string, isEvent: boolean, labels: Labels, inputs: ReadonlyArray<number>) {
    const own = inputs.filter((input) => !rule.program.inputs[input]!.isTrigger)
    this.rule = rule
    this.name = name
    this.isEvent = isEvent
    this.labels = labels
    this.inputs = inputs
    this.isTrigger = own.length < inputs.length
    this.beside = this.isTrigger && own.length > 0 ? new Route(rule, name, isEvent, labels, own) : undefined
    this.key = JSON.stringify(rule.program.groupBy.map((label) => labelOf(labels[label])))
  }

  /** Whether an event lacks the attribute that an input takes. */
  lacks(field: string | undefined, attributes: EventAttributes): boolean {
    return this.isEvent && field !== undefined && (attributes[field] ?? null) === null
  }

  /** What an input's windows calculate with; NaN where there is nothing to calculate with. */
  numberOf(field: string | undefined, value: number, attributes: EventAttributes): number {
    if (!this.isEvent) return value
    const attribute = field === undefined ? 0 : attributes[field]
    return typeof attribute === "number" ? attribute : Number.NaN
  }

  /** What an input's windows tell apart. */
  textOf(field: string | undefined, attributes: EventAttributes): string | undefined {
    if (field === undefined) return undefined
    return this.isEvent ? String(attributes[field]) : this.labels[field]
  }

  item(value: number, at: number, attributes: EventAttributes): Item {
    return { name: this.name, isEvent: this.isEvent, labels: this.labels, attributes, value, at }
  }
}

/** Attributes as `where` and `group_by` look at them. */
export const labelsOfEvent = (attributes: EventAttributes): Labels => {
  const labels: Record<string, string> = {}
  for (const name in attributes) {
    const value = attributes[name]
    if (value !== null) labels[name] = String(value)
  }
  return labels
}
