/** The rules of one tenant in one lane: which of them an item concerns, and which items were seen already. */
import type { CepEvent, Labels } from "../../schemas/index.ts"
import { readSeriesText } from "../../streams/index.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"
import { compile, type RefusedRule } from "./compile.ts"
import type { AwaitedChange, RuleChange } from "./evaluator.ts"
import type { LiveRule } from "./group/live-rule.ts"
import { Route } from "./group/route.ts"
import type { Series } from "./item.ts"
import { type IndexedName, PredicateIndex } from "./predicate-index.ts"
import type { Program } from "./rule/program.ts"

/** Events of which one tenant's rules in a lane remember the ids, to know them again. */
export const rememberedEventsMax = 10_000
/** Publishing rules, by lane and type of event, whose last number is remembered; the one that was silent longest is forgotten. */
export const rememberedOriginsMax = 20_000
/** Rules that are gone whose last number is remembered. */
export const rememberedRulesMax = 10_000
/** Series whose rules are known without looking, and characters of their labels; beyond it all are looked up again. */
export const knownSeriesMax = 200_000
export const knownCharactersMax = 32 * 1024 * 1024
/** Groups of rules that are gone that series which are known may still lead to. */
const goneGroupsMax = 1_000

/** Metrics and types of events that a rule looks at. */
export const namesOf = ({ inputs }: Program): ReadonlyArray<string> => [
  ...new Set(inputs.map(({ name }) => name)),
]

interface Target {
  readonly rule: LiveRule
  readonly input: number
}

/** A series and where its samples go; looked up again when the rules of its name have changed. */
export class KnownSeries implements Series {
  readonly text: string
  readonly name: string
  readonly labels: Labels
  readonly indexed: IndexedName
  version = -1
  routes: ReadonlyArray<Route> = []

  constructor(text: string, name: string, labels: Labels, indexed: IndexedName) {
    this.text = text
    this.name = name
    this.labels = labels
    this.indexed = indexed
  }
}

const remember = (map: Map<string, number>, key: string, value: number, most: number): void => {
  map.delete(key)
  map.set(key, value)
  if (map.size > most) map.delete(map.keys().next().value!)
}

export class TenantRules {
  readonly tenant: string
  readonly rules = new Map<string, LiveRule>()
  /** Rules that cannot run: they are shown, and that is all. */
  readonly refused = new Map<string, RefusedRule>()
  /** Changes that wait until the past of their rules is made up for. */
  readonly awaiting = new Map<string, AwaitedChange>()
  readonly index = new PredicateIndex<Target>()
  readonly series = new Map<string, KnownSeries>()
  private knownCharacters = 0
  private goneGroups = 0
  private readonly gone = new Map<string, number>()
  private readonly events = new Map<string, number>()
  private readonly origins = new Map<string, number>()
  /** Of each rule, what it has in the index: the same objects take it out again. */
  private readonly targets = new Map<LiveRule, ReadonlyArray<Target>>()

  constructor(tenant: string) {
    this.tenant = tenant
  }

  /** Of the last change of a rule; -1 before the first. */
  numberOf(rule: string): number {
    const awaited = this.awaiting.get(rule)?.change.number
    return (
      awaited ?? this.rules.get(rule)?.number ?? this.refused.get(rule)?.number ?? this.gone.get(rule) ?? -1
    )
  }

  /** Whether a change was heard of before. */
  knows({ rule, number, anew }: RuleChange): boolean {
    return anew === undefined ? number <= this.numberOf(rule) : number < this.numberOf(rule)
  }

  await(awaited: AwaitedChange): void {
    this.awaiting.delete(awaited.change.rule)
    this.awaiting.set(awaited.change.rule, awaited)
  }

  install(rule: LiveRule): void {
    this.rules.set(rule.rule, rule)
    const targets = rule.program.inputs.map((_, input) => ({ rule, input }))
    this.targets.set(rule, targets)
    for (const target of targets) this.index.add(rule.program.inputs[target.input]!, target)
  }

  remove(rule: LiveRule): void {
    this.rules.delete(rule.rule)
    for (const target of this.targets.get(rule) ?? [])
      this.index.remove(rule.program.inputs[target.input]!, target)
    this.targets.delete(rule)
    this.goneGroups += rule.groups.size
    if (this.goneGroups > goneGroupsMax) this.dropRoutes()
  }

  /** Series of which nothing comes any more would keep the rules that looked at them, with all their groups. */
  private dropRoutes(): void {
    this.goneGroups = 0
    for (const series of this.series.values())
      if (series.version !== series.indexed.version) series.routes = []
  }

  noteGone(rule: string, number: number): void {
    remember(this.gone, rule, number, rememberedRulesMax)
  }

  /** What is known of each series, in the order of the texts. */
  know(texts: ReadonlyArray<string>, into: Array<KnownSeries>): void {
    if (this.series.size + texts.length > knownSeriesMax || this.knownCharacters > knownCharactersMax) {
      this.series.clear()
      this.knownCharacters = 0
      this.index.sweep()
    }
    for (let position = 0; position < texts.length; position++) {
      const text = texts[position]!
      let series = this.series.get(text)
      if (series === undefined) {
        const { name, labels } = readSeriesText(text)
        series = new KnownSeries(text, name, labels, this.index.obtain(name, false))
        this.series.set(text, series)
        this.knownCharacters += text.length
      }
      if (series.version !== series.indexed.version) {
        series.routes = this.routesOf(series.indexed, series.labels)
        series.version = series.indexed.version
      }
      into[position] = series
    }
  }

  /** One for each rule that an item concerns, in the order in which the rules came. */
  routesOf(name: IndexedName, labels: Labels): ReadonlyArray<Route> {
    const inputs = new Map<LiveRule, Array<number>>()
    for (const { rule, input } of this.index.find(name, labels)) {
      const known = inputs.get(rule)
      if (known === undefined) inputs.set(rule, [input])
      else known.push(input)
    }
    return [...inputs]
      .sort(([one], [other]) => one.serial - other.serial)
      .map(
        ([rule, its]) =>
          new Route(
            rule,
            name.name,
            name.isEvent,
            labels,
            its.sort((a, b) => a - b),
          ),
      )
  }

  /** False for an event that was seen already. Those that rules publish come in the order of their numbers. */
  isNew(event: CepEvent): boolean {
    const { origin } = event
    if (origin === undefined) {
      const key = JSON.stringify([event.type, event.id])
      if (this.events.has(key)) return false
      remember(this.events, key, 0, rememberedEventsMax)
      return true
    }
    const key = JSON.stringify([origin.rule, origin.lane, event.type])
    if (origin.number <= (this.origins.get(key) ?? -1)) return false
    remember(this.origins, key, origin.number, rememberedOriginsMax)
    return true
  }

  /** What was seen in the past of a rule was seen; it takes the room that the lane's own leaves. */
  learn({ events, origins }: TenantRules): void {
    const [ownEvents, ownOrigins] = [[...this.events.keys()], [...this.origins]]
    for (const key of [...events.keys(), ...ownEvents]) remember(this.events, key, 0, rememberedEventsMax)
    for (const [key, number] of [...origins, ...ownOrigins])
      remember(this.origins, key, Math.max(number, this.origins.get(key) ?? -1), rememberedOriginsMax)
  }

  /** All but its rules as of now, to be written bit by bit. */
  cut(): (writer: () => ByteWriter) => Generator<void> {
    const numbers = [this.gone, this.origins].map((map) => [...map])
    const events = [...this.events.keys()]
    const refused = [...this.refused.values()]
    const awaiting = [...this.awaiting.values()].map(({ change, place, reachMs }) => ({
      change,
      place,
      reachMs,
    }))
    const { tenant } = this
    return function* (writer) {
      writer().text(tenant)
      for (const entries of numbers) {
        writer().count(entries.length)
        for (const [key, number] of entries) {
          writer().text(key)
          writer().count(number)
          yield
        }
      }
      writer().count(events.length)
      for (const key of events) {
        writer().text(key)
        yield
      }
      writer().count(refused.length)
      for (const rule of refused) {
        writer().json(rule)
        yield
      }
      writer().count(awaiting.length)
      for (const one of awaiting) {
        writer().json(one)
        yield
      }
    }
  }

  /** `at`: when what is read was written. */
  static *read(reader: ByteReader, format: number, at: number): Generator<number, TenantRules> {
    const rules = new TenantRules(reader.text())
    for (const map of [rules.gone, rules.origins]) {
      const count = reader.count()
      for (let index = 0; index < count; index++) {
        map.set(reader.text(), reader.count())
        yield 0
      }
    }
    const events = reader.count()
    for (let index = 0; index < events; index++) {
      rules.events.set(reader.text(), 0)
      yield 0
    }
    const refused = reader.count()
    for (let index = 0; index < refused; index++) {
      const rule: RefusedRule = { at, ...(reader.json() as Omit<RefusedRule, "at">) }
      rules.refused.set(rule.rule, rule)
      yield 0
    }
    const awaiting = format < 2 ? 0 : reader.count()
    for (let index = 0; index < awaiting; index++) {
      const { change, place, reachMs } = reader.json() as Omit<AwaitedChange, "names">
      const program = compile(change.rule, change.version, change.document!)
      if (typeof program === "object") rules.await({ change, place, reachMs, names: namesOf(program) })
      else {
        const { rule, number, version, document } = change
        rules.refused.set(rule, { rule, number, version, document: document!, detail: program, at })
      }
      yield 0
    }
    return rules
  }
}
