/** Which alerts people are told of together. Who an alert is, its fingerprint, is another matter. */
import type { AlertRecord, Labels } from "../../schemas/index.ts"

type Named = Pick<AlertRecord, "fingerprint" | "labels" | "rule" | "name"> & { readonly severity: string }

/** A label of an alert, or what stands for one; empty when it has none of this name. */
export const labelOf = ({ labels, rule, name, severity }: Named, label: string): string => {
  if (Object.hasOwn(labels, label)) return labels[label]!
  if (label === "rule") return rule
  if (label === "alertname") return name
  return label === "severity" ? severity : ""
}

interface Grouped {
  readonly groupBy: ReadonlyArray<string> | undefined
  readonly route: string | undefined
}

export const groupLabelsOf = (alert: Named, { groupBy }: Grouped): Labels =>
  groupBy === undefined
    ? alert.labels
    : Object.fromEntries(groupBy.map((label) => [label, labelOf(alert, label)]))

/** By default each alert is a group of its own: its rule, and all of its labels. Groups of two routes are two. */
export const groupKeyOf = (alert: Named, { groupBy, route }: Grouped): string =>
  groupBy === undefined
    ? `${alert.rule}/${alert.fingerprint}`
    : `${route === undefined ? "" : `${route}/`}{${[...new Set(groupBy)]
        .toSorted()
        .map((label) => `${label}=${JSON.stringify(labelOf(alert, label))}`)
        .join(",")}}`
