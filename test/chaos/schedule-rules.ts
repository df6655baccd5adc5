/**
 * Rules on schedules in a chaos run: how a driver defines them, one for each partition, and what is stored of their runs
 * afterwards: who decided each, when it was in the lane, and when a desk had its alert.
 */
import * as Effect from "effect/Effect"
import { Address, type EngineShape, type JournalRecord } from "../../engine/index.ts"
import { CepRuleProtocol, type LaneMessage, type RuleDocument, scheduleEvent } from "../../schemas/index.ts"
import { MetricStream } from "../../streams/index.ts"
import { transitionsTaken } from "../support/collecting-desk.ts"
import { partitions } from "./config.ts"
import { readJournals } from "./journals.ts"

const chaosTenant = "acme"
export const everyMs = 1_000

export type Policy = "skip" | "once" | "all"

/** A key of a rule whose actor is in this partition. */
const ruleIn = (tenant: string, partition: number, policy: Policy): string => {
  for (let nth = 0; ; nth++) {
    const rule = `${policy}-${nth}`
    const address = Address.format({ tenant, kind: CepRuleProtocol.kind, key: rule })
    if (Address.partitionOf(address, partitions) === partition) return rule
  }
}

/** One rule for each partition. */
export const schedulesOf = (tenant: string, policy: Policy) => ({
  rules: Array.from({ length: partitions }, (_, partition) => ruleIn(tenant, partition, policy)),
  document: {
    name: `every second, ${policy}`,
    trigger: { type: "schedule", every: `${everyMs}ms`, missed: policy },
  } satisfies RuleDocument as RuleDocument,
})

/** Their ids, and when they are due first. */
export const defineSchedules = Effect.fnUntraced(function* (engine: EngineShape, policy: Policy) {
  const { rules, document } = schedulesOf(chaosTenant, policy)
  const options = { tenant: chaosTenant, timeoutMs: 20_000 }
  return yield* Effect.forEach(
    rules,
    (rule) =>
      engine.ask(CepRuleProtocol, rule, { _tag: "Define", document }, options).pipe(
        Effect.retry({ while: ({ _tag }) => _tag === "EngineError", times: 20 }),
        Effect.map(({ view }) => ({ rule, policy, firstAt: view.createdAt + everyMs })),
      ),
    { concurrency: "unbounded" },
  )
})

/** What a rule's actor decided when it was due. */
export interface Decided {
  readonly node: string
  readonly now: number
  readonly due: ReadonlyArray<number>
  readonly missed: number
}

export interface Told {
  readonly at: number
  readonly takenAt: number
}

export interface ScheduleRuns {
  readonly decided: ReadonlyArray<Decided>
  /** In the lane, as often as it is there: the time at which a run was due, and the time at which it was stored. */
  readonly stored: ReadonlyArray<{ readonly at: number; readonly storedAt: number }>
  /** What the desk was told, by the id of the transition: the time at which the run was due, and when it took that first. */
  readonly alerts: ReadonlyMap<string, Told>
}

interface Collected {
  readonly decided: Array<Decided>
  readonly stored: Array<{ readonly at: number; readonly storedAt: number }>
  readonly alerts: Map<string, Told>
}

type DueEvent = { readonly _tag: string } & Pick<Decided, "due" | "missed">

interface Matched {
  readonly id: string
  readonly rule: string
  readonly at: number
}

/** What the alert desk of a whole node takes of a rule without states. */
const matchesTaken = ({ to, events = [] }: JournalRecord.Entry): ReadonlyArray<Matched> =>
  to.includes("/alert-desk/")
    ? (events as unknown as ReadonlyArray<{ readonly matches?: ReadonlyArray<MatchTaken> }>).flatMap(
        ({ matches = [] }) =>
          matches.map(({ alert: { rule, number, at } }) => ({ id: `${rule}/${number}`, rule, at })),
      )
    : []

interface MatchTaken {
  readonly alert: { readonly rule: string; readonly number: number; readonly at: number }
}

/** Of each rule, in the order in which it is stored. */
export const readSchedules = Effect.fnUntraced(function* (
  rules: ReadonlyArray<string>,
  tenant: string = chaosTenant,
) {
  const found = new Map<string, Collected>(
    rules.map((rule) => [rule, { decided: [], stored: [], alerts: new Map() }]),
  )
  const addresses = new Map(
    rules.map((key) => [Address.format({ tenant, kind: CepRuleProtocol.kind, key }), found.get(key)!]),
  )
  yield* readJournals(({ owner, entries }) => {
    for (const entry of entries) {
      const { to, now, events = [] } = entry
      for (const { _tag, due, missed } of events as unknown as ReadonlyArray<DueEvent>)
        if (_tag === "RunsDue") addresses.get(to)?.decided.push({ node: owner, now, due, missed })
      for (const { id, rule, at } of [...transitionsTaken([entry]), ...matchesTaken(entry)]) {
        const alerts = found.get(rule)?.alerts
        if (alerts?.has(id) === false) alerts.set(id, { at, takenAt: now })
      }
    }
  })
  const types = new Map(rules.map((rule) => [scheduleEvent(rule), found.get(rule)!]))
  const stream = yield* MetricStream
  yield* stream.read(">", { sequence: 1 }, ({ data, storedAt }) => {
    if (data[0] !== 0x7b) return
    const message = JSON.parse(new TextDecoder().decode(data)) as LaneMessage
    if (message._tag !== "Events") return
    for (const { type, at } of message.events) types.get(type)?.stored.push({ at, storedAt })
  })
  return found as ReadonlyMap<string, ScheduleRuns>
})
