/** A node's `/health` as text. Reads what it knows and shows the rest as it is: parts come and go with versions. */
import { renderTable } from "./render.ts"

interface Part {
  readonly status: string
  readonly [detail: string]: unknown
}

export interface Health {
  readonly status: string
  readonly components: Readonly<Record<string, Part>>
}

const textOf = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value))

const details = (part: Part): string =>
  Object.entries(part)
    .filter(([name, value]) => name !== "status" && typeof value !== "object")
    .map(([name, value]) => `${name} ${textOf(value)}`)
    .join(", ")

/** The lists that are worth a table: partitions of the engine, sources of the projections. */
const listTables = (components: Health["components"]): ReadonlyArray<string> =>
  Object.entries(components).flatMap(([name, part]) =>
    Object.entries(part).flatMap(([list, value]) => {
      if (!Array.isArray(value) || value.length === 0) return []
      const rows = value.map((row: unknown) =>
        typeof row === "object" && row !== null ? row : { [list]: row },
      )
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
      const cells = rows.map((row) =>
        columns.map((column) => textOf((row as Record<string, unknown>)[column] ?? "-")),
      )
      return [`\n${name}: ${list}`, renderTable(columns, cells)]
    }),
  )

export const renderHealth = ({ status, components }: Health): string =>
  [
    `overall: ${status}`,
    renderTable(
      ["part", "status", ""],
      Object.entries(components).map(([name, part]) => [name, part.status, details(part)]),
    ),
    ...listTables(components),
  ].join("\n")
