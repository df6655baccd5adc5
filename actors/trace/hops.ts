/**
 * Reads journal records as what happened: one row an entry, its span named as the engine names it in everything the
 * entry caused. Pure, so that the command line can do the same without a database.
 */
import { Address, type JournalRecord, TraceContext } from "../../engine/index.ts"
import { maskText } from "../../resources/index.ts"
import { transferMessage } from "../../schemas/index.ts"
import type { EntryRow, LogRow } from "./rows.ts"

type Entry = JournalRecord.Entry

const timerName = (key: string): string => key.split(":", 1)[0]!

/** Undefined for what is no hop: a malformed element, and a progress report that nothing followed from. */
const nameOf = (kind: string, entry: Entry): string | undefined => {
  const { cause } = entry
  switch (cause.t) {
    case "command":
      return `${kind}.${cause.body._tag}`
    case "timer":
      return `${kind} timer ${timerName(cause.key)}`
    case "settled":
      return `${kind} activity ${cause.activity} settled`
    case "progress":
      return (entry.send ?? entry.start ?? entry.setTimers) === undefined
        ? undefined
        : `${kind} activity ${cause.activity} progressed`
    case "malformed":
      return undefined
  }
}

const statusOf = ({ cause, dead, answers, remember }: Entry): string => {
  if (dead !== undefined) return "dead"
  if (cause.t === "settled" && cause.outcome._tag === "Failure") return "error"
  const given = [...(answers ?? []), ...(remember ?? [])]
  return given.some(({ answer }) => answer !== undefined && "rejected" in answer) ? "rejected" : "ok"
}

/** The row of one entry. `storedMs`: when its record was offered to the journal. */
export const entryRow = (
  at: { readonly partition: number; readonly sequence: number; readonly index: number },
  entry: Entry,
  storedMs: number,
): EntryRow => {
  const { cause } = entry
  const address = Address.parse(entry.to)
  const kind = address?.kind ?? ""
  const trace = cause.t === "malformed" ? undefined : TraceContext.parse(cause.trace)
  return {
    ...at,
    tenant: address?.tenant ?? "",
    kind,
    key: address?.key ?? "",
    actor: entry.to,
    cause: cause.t,
    command: cause.t === "command" ? cause.body._tag : null,
    events: entry.events ?? null,
    principal: (cause.t === "command" ? cause.principal : undefined) ?? null,
    trace_id: trace?.traceId ?? null,
    span_id: TraceContext.spanIdOf(at.partition, at.sequence, at.index),
    parent_id: trace?.spanId ?? null,
    name: nameOf(kind, entry) ?? null,
    status: statusOf(entry),
    dead_code: entry.dead?.code ?? null,
    dead_detail: entry.dead === undefined ? null : maskText(entry.dead.detail),
    start_ms: entry.now,
    end_ms: Math.max(entry.now, storedMs),
  }
}

/** `AgentChanged` is the chat session's. */
const transferTags = new Set(["AgentChanged", "AgentTransferred", "agent_transfer"])
const fromNames = ["from", "fromAgent", "from_agent", "fromAgentId", "from_agent_id"]
const toNames = ["to", "toAgent", "to_agent", "toAgentId", "to_agent_id"]

const pick = (event: Readonly<Record<string, unknown>>, names: ReadonlyArray<string>) => {
  const value = names.map((name) => event[name]).find((one) => one !== undefined && one !== null)
  return typeof value === "string" || typeof value === "number" ? value : undefined
}

/** The log lines that an entry's events are worth: that an agent, whose line it is, handed over to another. */
export const transferRows = (row: EntryRow): ReadonlyArray<LogRow> => {
  const { trace_id } = row
  if (row.events === null || trace_id === null) return []
  return row.events.flatMap((event, position) => {
    const fields = event as Readonly<Record<string, unknown>>
    if (!transferTags.has(String(fields._tag)) && !transferTags.has(String(fields.type))) return []
    const [from, to] = [pick(fields, fromNames), pick(fields, toNames)]
    return {
      log_key: `journal/${row.partition}/${row.sequence}/${row.index}/${position}`,
      trace_id,
      tenant: row.tenant,
      at_ms: row.start_ms,
      service: row.kind,
      agent_id: from ?? null,
      level: "INFO",
      message: transferMessage(String(from ?? "?"), String(to ?? "?")),
      is_transfer: true,
      metadata: null,
    }
  })
}
