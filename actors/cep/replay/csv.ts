/** An uploaded CSV as messages of the past: `timestamp,value` and then a column for each label. */
import type { Labels, Problem } from "../../../schemas/index.ts"
import { seriesText } from "../../../streams/index.ts"
import type { PastMessage } from "./past-run.ts"

/** Characters and lines of one file. */
export const csvCharactersMax = 16 * 1_024 * 1_024
export const csvLinesMax = 500_000
/** Columns for labels. */
export const csvLabelsMax = 16
/** Problems that are told of one file. */
export const csvProblemsMax = 20
const seriesMax = 10_000
const messageSamples = 1_000

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/u

/** The fields of one line; quotes as in RFC 4180, but a field ends with its line. */
const fieldsOf = (line: string): ReadonlyArray<string> | undefined => {
  if (!line.includes('"')) return line.split(",").map((field) => field.trim())
  const fields: Array<string> = []
  let at = 0
  for (;;) {
    if (line[at] === '"') {
      let text = ""
      for (at += 1; ; at++) {
        if (at >= line.length) return undefined
        if (line[at] !== '"') text += line[at]
        else if (line[at + 1] === '"') {
          text += '"'
          at += 1
        } else break
      }
      fields.push(text)
      at += 1
      if (at < line.length && line[at] !== ",") return undefined
    } else {
      const end = line.indexOf(",", at)
      fields.push(line.slice(at, end < 0 ? undefined : end).trim())
      at = end < 0 ? line.length : end
    }
    if (at >= line.length) return fields
    at += 1
  }
}

/** Milliseconds since the epoch; dates without a zone are in UTC, numbers are seconds, or milliseconds from 1e11 on. */
const timeOf = (text: string): number => {
  if (/^[0-9]{1,16}(?:\.[0-9]{1,9})?$/u.test(text))
    return Number(text) < 1e11 ? Number(text) * 1_000 : Number(text)
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}/u.test(text)) return Number.NaN
  const [date, clock = "00:00:00"] = [text.slice(0, 10), text.slice(11) || undefined]
  return Date.parse(`${date}T${clock}${/(?:Z|[+-][0-9]{2}:?[0-9]{2})$/u.test(clock) ? "" : "Z"}`)
}

interface Row {
  readonly at: number
  readonly value: number
  readonly series: string
}

const problemAt = (line: number, problem: string, remedy: string): Problem => ({
  field: `line ${line}`,
  problem,
  remedy,
})

const headerOf = (line: string): ReadonlyArray<string> | Problem => {
  const names = fieldsOf(line) ?? []
  if (names[0] !== "timestamp" || names[1] !== "value")
    return problemAt(1, "is no header", "begin with timestamp,value and then the names of labels")
  const labels = names.slice(2)
  const wrong = labels.find((name, index) => !labelName.test(name) || labels.indexOf(name) < index)
  if (wrong !== undefined)
    return problemAt(1, `"${wrong}" is no name for a label`, "use letters, digits and _, each name once")
  return labels.length > csvLabelsMax
    ? problemAt(1, `has ${labels.length} labels`, `use at most ${csvLabelsMax}`)
    : labels
}

const rowOf = (
  metric: string,
  labels: ReadonlyArray<string>,
  line: string,
  number: number,
): Row | Problem => {
  const fields = fieldsOf(line)
  if (fields?.length !== labels.length + 2)
    return problemAt(
      number,
      fields === undefined
        ? "has an open quote"
        : `has ${fields.length} fields, the header ${labels.length + 2}`,
      "write one field for each column of the header",
    )
  const at = timeOf(fields[0]!)
  if (!Number.isFinite(at))
    return problemAt(number, `"${fields[0]}" is no time`, "use 2026-03-29 12:00:00, or seconds since 1970")
  const value = fields[1] === "" ? Number.NaN : Number(fields[1])
  if (!Number.isFinite(value)) return problemAt(number, `"${fields[1]}" is no number`, "use for example 12.5")
  const its: Labels = Object.fromEntries(
    labels.map((name, index) => [name, fields[index + 2]!] as const).filter(([, text]) => text !== ""),
  )
  return { at, value, series: seriesText(metric, its) }
}

const messagesOf = (rows: ReadonlyArray<Row>): ReadonlyArray<PastMessage> => {
  const messages: Array<PastMessage> = []
  let from = 0
  while (from < rows.length) {
    // Stored when measured: one message holds only what was measured at one time.
    let to = from + 1
    while (to < rows.length && to - from < messageSamples && rows[to]!.at === rows[from]!.at) to += 1
    const part = rows.slice(from, to)
    const series = [...new Set(part.map((row) => row.series))]
    const indices = new Map(series.map((text, index) => [text, index]))
    messages.push({
      place: { sequence: messages.length + 1, at: rows[from]!.at },
      columns: {
        series,
        seriesOf: Uint32Array.from(part, (row) => indices.get(row.series)!),
        values: Float64Array.from(part, (row) => row.value),
        times: Float64Array.from(part, (row) => row.at),
      },
    })
    from = to
  }
  return messages
}

/** Samples of one metric, by time, each stored when it was measured; or what is wrong with the file, line by line. */
export const readCsv = (
  text: string,
  metric: string,
): { readonly messages: ReadonlyArray<PastMessage> } | { readonly problems: ReadonlyArray<Problem> } => {
  if (text.length > csvCharactersMax) {
    const problem = problemAt(1, `the file has ${text.length} characters`, `send at most ${csvCharactersMax}`)
    return { problems: [problem] }
  }
  const lines = text.split(/\r?\n/u)
  const labels = headerOf(lines[0] ?? "")
  if ("problem" in labels) return { problems: [labels] }
  const rows: Array<Row> = []
  const problems: Array<Problem> = []
  const series = new Set<string>()
  for (let index = 1; index < lines.length && problems.length < csvProblemsMax; index++) {
    if (lines[index] === "") continue
    if (rows.length >= csvLinesMax) {
      problems.push(problemAt(index + 1, "is one too many", `send at most ${csvLinesMax} lines`))
      break
    }
    const row = rowOf(metric, labels, lines[index]!, index + 1)
    if ("problem" in row) problems.push(row)
    else {
      rows.push(row)
      series.add(row.series)
    }
    if (series.size > seriesMax) {
      problems.push(problemAt(index + 1, "is of one series too many", `send at most ${seriesMax} series`))
      break
    }
  }
  if (problems.length > 0) return { problems }
  return { messages: messagesOf(rows.sort((one, other) => one.at - other.at)) }
}
