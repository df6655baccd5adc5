/** One rule, and one group of it, as bytes. */
import type { EventAttributes, Labels, RuleDocument } from "../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"
import { compile, type RefusedRule } from "./compile.ts"
import { Group } from "./group/group.ts"
import type { Host } from "./group/host.ts"
import { counters, LiveRule } from "./group/live-rule.ts"
import { noAttributes, Route } from "./group/route.ts"
import type { LabelsTable } from "./labels-table.ts"

/** A rule as it is now, to be written later. Its groups are not held: they say themselves when they change. */
export const cutOf = (rule: LiveRule) => ({
  program: rule.program,
  serial: rule.serial,
  number: rule.number,
  counts: counters.map((counter) => rule[counter]),
  newestAt: rule.newestAt,
  lastItemAt: rule.lastItemAt,
  lastError: rule.lastError,
  broken: rule.broken,
})

/** All but its groups. */
export const writeRule = (writer: ByteWriter, cut: ReturnType<typeof cutOf>): void => {
  writer.text(cut.program.rule)
  writer.count(cut.program.version)
  writer.json(cut.program.document)
  writer.count(cut.serial)
  writer.count(cut.number)
  for (const count of cut.counts) writer.count(count)
  writer.number(cut.newestAt)
  writer.number(cut.lastItemAt)
  writer.byte(cut.lastError === undefined ? 0 : 1)
  if (cut.lastError !== undefined) writer.json(cut.lastError)
  writer.text(cut.broken ?? "")
}

/** What `writeRule` wrote, by the same or an earlier release. Of a rule that cannot run any more, only what it is. */
export const readRule = (
  reader: ByteReader,
  host: Host,
  tenant: string,
  format: number,
): LiveRule | RefusedRule => {
  const name = reader.text()
  const version = reader.count()
  const document = reader.json() as RuleDocument
  const serial = reader.count()
  const number = reader.count()
  const counts = counters.map((counter) => (counter === "crowdedOut" && format < 2 ? 0 : reader.count()))
  const [newestAt, lastItemAt] = [reader.number(), reader.number()]
  const lastError = reader.byte() === 1 ? (reader.json() as NonNullable<LiveRule["lastError"]>) : undefined
  const broken = reader.text()
  const program = compile(name, version, document)
  if (typeof program === "string")
    return { rule: name, number, version, document, detail: program, at: host.place.at }
  const rule = new LiveRule(host, tenant, program, number, serial)
  for (const [index, counter] of counters.entries()) rule[counter] = counts[index]!
  rule.newestAt = newestAt
  rule.lastItemAt = lastItemAt
  rule.lastError = lastError
  if (broken !== "") rule.broken = broken
  return rule
}

const writeRoute = (writer: ByteWriter, route: Route, table: LabelsTable): void => {
  writer.byte(route.isEvent ? 1 : 0)
  writer.text(route.name)
  writer.count(table.indexOf(route.labels))
  writer.count(route.inputs.length)
  for (const input of route.inputs) writer.count(input)
}

const readRoute = (reader: ByteReader, rule: LiveRule, table: ReadonlyArray<Labels>): Route => {
  const isEvent = reader.byte() === 1
  const name = reader.text()
  const labels = table[reader.count()]!
  const inputs = Array.from({ length: reader.count() }, () => reader.count())
  return new Route(rule, name, isEvent, labels, inputs)
}

const writeAttributes = (writer: ByteWriter, attributes: EventAttributes): void => {
  writer.byte(attributes === noAttributes ? 0 : 1)
  if (attributes !== noAttributes) writer.json(attributes)
}

const readAttributes = (reader: ByteReader): EventAttributes =>
  reader.byte() === 0 ? noAttributes : (reader.json() as EventAttributes)

export const writeGroup = (writer: ByteWriter, group: Group, table: LabelsTable): void => {
  writer.text(group.key)
  writer.count(group.serial)
  writer.count(group.number)
  writer.byte(["info", "warning", "critical"].indexOf(group.severity))
  group.life.encode(writer)
  writer.number(group.wakesAt)
  writer.number(group.newest)
  writer.number(group.newestStored)
  writer.number(group.lastStored)
  writer.number(group.floor)
  writer.number(group.due)
  writer.number(group.judgedAt)
  writer.byte(group.hasMissed ? 1 : 0)
  writer.byte(group.last === undefined ? 0 : 1)
  if (group.last !== undefined) {
    writeRoute(writer, group.last, table)
    writer.number(group.value)
    writer.number(group.previous)
    writeAttributes(writer, group.attributes)
  }
  writer.count(group.depth)
  writer.byte(group.annotations === undefined ? 0 : 1)
  if (group.annotations !== undefined) writer.json(group.annotations)
  group.aggregates?.encode(writer)
  group.matcher?.encode(writer)
  if (group.inbox === undefined) return
  writer.count(group.inbox.items.length)
  for (const item of group.inbox.items) {
    writeRoute(writer, item.route, table)
    writer.number(item.value)
    writer.number(item.at)
    writeAttributes(writer, item.attributes)
    writer.count(item.depth)
  }
}

export const readGroup = (reader: ByteReader, rule: LiveRule, table: ReadonlyArray<Labels>): Group => {
  const { program } = rule
  const key = reader.text()
  const group = new Group(rule, key, rule.labelsOfKey(key), reader.count())
  if (rule.broken !== undefined) group.rest()
  group.number = reader.count()
  group.severity = (["info", "warning", "critical"] as const)[reader.byte()]!
  group.life.read(reader)
  rule.host.timers.schedule(group, reader.number())
  group.newest = reader.number()
  group.newestStored = reader.number()
  group.lastStored = reader.number()
  group.floor = reader.number()
  group.due = reader.number()
  group.judgedAt = reader.number()
  group.hasMissed = reader.byte() === 1
  if (reader.byte() === 1) {
    group.last = readRoute(reader, rule, table)
    group.value = reader.number()
    group.previous = reader.number()
    group.attributes = readAttributes(reader)
  }
  group.depth = reader.count()
  if (reader.byte() === 1) group.annotations = reader.json() as Record<string, string>
  if (group.aggregates !== undefined) {
    group.aggregates.release()
    group.aggregates = program.aggregates.decode(reader, rule.held)
  }
  if (group.matcher !== undefined) {
    group.matcher.release()
    group.matcher = program.pattern!.decode(reader, rule.held)
  }
  group.watch()
  if (group.inbox === undefined) return group
  const waiting = reader.count()
  for (let index = 0; index < waiting; index++) {
    const route = readRoute(reader, rule, table)
    const value = reader.number()
    const at = reader.number()
    const attributes = readAttributes(reader)
    group.inbox.put({ route, value, at, attributes, depth: reader.count() })
  }
  return group
}
