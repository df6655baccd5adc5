/** Which alerts people are told of together. Who an alert is, its fingerprint, is another matter. */
import type { AlertPolicy, AlertRecord, Labels } from "../../schemas/index.ts"

type Named = Pick<AlertRecord, "fingerprint" | "labels" | "rule" | "name"> & { readonly severity: string }

/** A label of an alert, or what stands for one; empty when it has none of this name. */
export const labelOf = ({ labels, rule, name, severity }: Named, label: string): string => {
  if (Object.hasOwn(labels, label)) return labels[label]!
  if (label === "rule") return rule
  if (label === "alertname") return name
  return label === "severity" ? severity : ""
}

export const groupLabelsOf = (alert: Named, policy: AlertPolicy | undefined): Labels =>
  policy?.groupBy === undefined
    ? alert.labels
    : Object.fromEntries(policy.groupBy.map((label) => [label, labelOf(alert, label)]))

/** By default each alert is a group of its own: its rule, and all of its labels. */
export const groupKeyOf = (alert: Named, { groupBy }: AlertPolicy): string =>
  groupBy === undefined
    ? `${alert.rule}/${alert.fingerprint}`
    : `{${[...new Set(groupBy)]
        .toSorted()
        .map((label) => `${label}=${JSON.stringify(labelOf(alert, label))}`)
        .join(",")}}`
