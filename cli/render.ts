/** Turns answers into text for a person. Pure. */
import type { SpanNode, TraceTree } from "../schemas/index.ts"
import type { ActorAt } from "./actor-history.ts"
import type { DeadLetter } from "./dead-letters.ts"

/** Columns as wide as their widest cell; the last one is left as it is. */
export const renderTable = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)))
  return all
    .map((row) =>
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join("  "),
    )
    .join("\n")
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

const spanCells = (span: SpanNode, lead: string): ReadonlyArray<string> => [
  `${lead}${span.name}`,
  span.service,
  `${span.durationMs.toFixed(1)} ms`,
  span.status,
  [span.attributes["millrace.actor"], span.attributes["error.message"]]
    .map(textOf)
    .filter(Boolean)
    .join("  "),
]

const spanRows = (
  nodes: ReadonlyArray<SpanNode>,
  lead: string,
  root: boolean,
): ReadonlyArray<ReadonlyArray<string>> =>
  nodes.flatMap((node, position) => {
    const last = position === nodes.length - 1
    const branch = root ? "" : last ? "└─ " : "├─ "
    const below = root ? "" : last ? "   " : "│  "
    return [spanCells(node, lead + branch), ...spanRows(node.children, lead + below, false)]
  })

export const renderTree = (tree: TraceTree): string =>
  [
    `trace ${tree.traceId}: ${tree.spanCount} spans in ${(tree.endMs - tree.startMs).toFixed(1)} ms, from ${new Date(tree.startMs).toISOString()}`,
    ...(tree.truncated ? ["not all spans are shown"] : []),
    renderTable(["span", "service", "time", "status", ""], spanRows(tree.roots, "", true)),
  ].join("\n")

const commandOf = ({ entry: { cause } }: DeadLetter): string =>
  cause.t === "command" ? cause.body._tag : cause.t === "timer" ? `timer ${cause.key}` : cause.t

export const renderLetters = (letters: ReadonlyArray<DeadLetter>): string =>
  letters.length === 0
    ? "no dead letters"
    : renderTable(
        ["id", "when", "actor", "what", "redriven", "why"],
        letters.map((letter) => [
          letter.id,
          new Date(letter.entry.now).toISOString(),
          letter.entry.to || "-",
          commandOf(letter),
          letter.redriven.length === 0 ? "-" : String(letter.redriven.length),
          `${letter.entry.dead?.code ?? ""}: ${letter.entry.dead?.detail ?? ""}`.split("\n", 1)[0]!,
        ]),
      )

export const renderActor = (actor: ActorAt): string =>
  [
    `${actor.address} after ${actor.entries} entries` +
      (actor.sequence === undefined ? "" : `, at journal sequence ${actor.sequence} (${actor.at})`),
    ...(actor.complete ? [] : ["the beginning of its journal is gone: this is not its whole state"]),
    ...(actor.failure === undefined ? [] : [`stopped: ${actor.failure}`]),
    JSON.stringify(actor.state, undefined, 2),
    "",
    renderTable(
      ["sequence", "when", "cause", "events"],
      actor.history.map(({ sequence, at, cause, events }) => [
        String(sequence),
        at,
        cause,
        events.map((event) => JSON.stringify(event)).join(" "),
      ]),
    ),
  ].join("\n")
