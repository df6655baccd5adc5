/** One rule with all its groups as bytes: a part of a lane's state, and what a rule that was rebuilt aside is moved by. */
import type { EventAttributes, Labels, RuleDocument } from "../../schemas/index.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"
import { compile, type RefusedRule } from "./compile.ts"
import { Group } from "./group/group.ts"
import type { Host } from "./group/host.ts"
import { counters, LiveRule } from "./group/live-rule.ts"
import { noAttributes, Route } from "./group/route.ts"

/** Labels that many items share are written once. */
class LabelsTable {
  private readonly indices = new Map<Labels, number>()
  private readonly texts = new Map<string, number>()

  indexOf(labels: Labels): number {
    const known = this.indices.get(labels)
    if (known !== undefined) return known
    const text = JSON.stringify(labels)
    const index = this.texts.get(text) ?? this.texts.size
    this.texts.set(text, index)
    this.indices.set(labels, index)
    return index
  }

  encode(writer: ByteWriter): void {
    writer.count(this.texts.size)
    for (const text of this.texts.keys()) writer.text(text)
  }
}

const everyRoute = (group: Group): ReadonlyArray<Route> => [
  ...(group.last === undefined ? [] : [group.last]),
  ...(group.inbox === undefined ? [] : group.inbox.items.map(({ route }) => route)),
]

export const writeRule = (writer: ByteWriter, rule: LiveRule): void => {
  writer.text(rule.rule)
  writer.count(rule.program.version)
  writer.json(rule.document)
  writer.count(rule.serial)
  writer.count(rule.number)
  for (const counter of counters) writer.count(rule[counter])
  writer.number(rule.newestAt)
  writer.number(rule.lastItemAt)
  writer.byte(rule.lastError === undefined ? 0 : 1)
  if (rule.lastError !== undefined) writer.json(rule.lastError)
  const table = new LabelsTable()
  for (const group of rule.groups.values()) for (const route of everyRoute(group)) table.indexOf(route.labels)
  table.encode(writer)
  writer.count(rule.groups.size)
  for (const group of rule.groups.values()) writeGroup(writer, group, table)
}

/** What `writeRule` wrote, by the same or an earlier release. Of a rule that cannot run any more, only what it is. */
export const readRule = (reader: ByteReader, host: Host, tenant: string): LiveRule | RefusedRule => {
  const name = reader.text()
  const version = reader.count()
  const document = reader.json() as RuleDocument
  const serial = reader.count()
  const number = reader.count()
  const program = compile(name, version, document)
  if (typeof program === "string") return { rule: name, number, version, document, detail: program }
  const rule = new LiveRule(host, tenant, program, number, serial)
  for (const counter of counters) rule[counter] = reader.count()
  rule.newestAt = reader.number()
  rule.lastItemAt = reader.number()
  if (reader.byte() === 1) rule.lastError = reader.json() as NonNullable<LiveRule["lastError"]>
  const table = Array.from({ length: reader.count() }, () => reader.json() as Labels)
  const groups = reader.count()
  for (let index = 0; index < groups; index++) {
    const group = readGroup(reader, rule, table)
    rule.groups.set(group.key, group)
  }
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

const writeGroup = (writer: ByteWriter, group: Group, table: LabelsTable): void => {
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

const readGroup = (reader: ByteReader, rule: LiveRule, table: ReadonlyArray<Labels>): Group => {
  const { program } = rule
  const key = reader.text()
  const group = new Group(rule, key, rule.labelsOfKey(key), reader.count())
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
  if (group.aggregates !== undefined) group.aggregates = program.aggregates.decode(reader)
  if (group.matcher !== undefined) group.matcher = program.pattern!.decode(reader)
  group.watch()
  if (group.inbox === undefined) return group
  const waiting = reader.count()
  for (let index = 0; index < waiting; index++) {
    const route = readRoute(reader, rule, table)
    const value = reader.number()
    const at = reader.number()
    const attributes = readAttributes(reader)
    group.inbox.items.push({ route, value, at, attributes, depth: reader.count() })
  }
  return group
}
