/**
 * Has the rules of a lane that was rebuilt enter it anew: those that live there, and those that the stream says were
 * changed there since it was last evaluated, since they may be gone and what they said is not over. A mark in the key-value
 * store says that it has to be done; it is done by whoever runs the lane, and again if that one dies meanwhile.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Engine, KeyValue, type Unavailable } from "../../../engine/index.ts"
import { CepRuleProtocol, LaneMessage, type RuleDocument } from "../../../schemas/index.ts"
import { laneOf, MetricStream, ruleChangesOfLane, tenantOfMetric } from "../../../streams/index.ts"
import { RuleIndex } from "../../cep-rule/index/rule-index.ts"
import { allTenants } from "../../every-tenant.ts"
import { homeName } from "./home.ts"
import type { LaneProblem } from "./lanes.ts"
import { laneDefaults } from "./limits.ts"
import type { LiveLane } from "./live-lane.ts"

/** How soon a lane that began is looked at. */
const lookEveryMs = 200
/** After a failure. */
const againMs = 5_000
const rulesInPage = 200

export interface EnteringLanes {
  readonly live: () => Iterable<LiveLane>
  readonly note: (lane: number, problem: LaneProblem | undefined) => void
}

const Mark = Schema.Struct({
  request: Schema.String,
  at: Schema.Finite,
  /** Up to where the lane was evaluated before. */
  from: Schema.Int,
  done: Schema.optionalKey(Schema.Boolean),
})
type Mark = typeof Mark.Type

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const decodeMark = Schema.decodeUnknownOption(Schema.fromJsonString(Mark))
const decodeMessage = Schema.decodeUnknownOption(Schema.fromJsonString(LaneMessage))

const markKey = (lane: number): string => `lane/${lane}/rebuild`
const encoded = (mark: Mark): Uint8Array => encoder.encode(JSON.stringify(mark))

const readMark = ({ value }: KeyValue.Stored): Mark | undefined =>
  Option.getOrUndefined(decodeMark(decoder.decode(value)))

/** Replaces an older mark, and takes over what that one has not done. */
export const markRebuild = Effect.fnUntraced(function* (
  store: KeyValue.KeyValueStore,
  lane: number,
  mark: Mark,
): Effect.fn.Return<void, Unavailable> {
  for (;;) {
    const [stored] = yield* store.getMany([markKey(lane)])
    const before = stored && readMark(stored)
    const from = before === undefined || before.done === true ? mark.from : Math.min(before.from, mark.from)
    const value = encoded({ ...mark, from })
    const write = { key: markKey(lane), value, expectedRevision: stored?.revision ?? 0 }
    const [revision] = yield* store.putMany([write])
    if (typeof revision === "number") return
  }
})

/** By tenant, rules of the lane whose changes it has not evaluated. */
const changedSince = Effect.fnUntraced(function* (lane: number, from: number) {
  const stream = yield* MetricStream
  const found = new Map<string, Set<string>>()
  yield* stream.read(ruleChangesOfLane(lane), { sequence: from + 1 }, ({ token, data }) => {
    const [tenant, message] = [tenantOfMetric(token), decodeMessage(decoder.decode(data))]
    if (tenant === undefined || message._tag === "None" || message.value._tag !== "RuleChanged") return
    found.set(tenant, (found.get(tenant) ?? new Set()).add(message.value.rule))
  })
  return found
})

/** Tells the rules of one tenant that `isWanted`, a page at a time. */
const tellRules = Effect.fnUntraced(function* (
  tenant: string,
  request: string,
  changed: ReadonlySet<string>,
  isWanted: (rule: string, document: RuleDocument) => boolean,
) {
  const [engine, index] = [yield* Engine, yield* RuleIndex]
  const tell = (rule: string) => engine.tell(CepRuleProtocol, rule, { _tag: "Enter", request }, { tenant })
  const tellAll = (rules: ReadonlyArray<string>) =>
    Effect.forEach(rules, tell, { concurrency: laneDefaults.enteringAtOnce, discard: true })
  yield* tellAll([...changed])
  let told = changed.size
  for (let after = ""; ; ) {
    const page = yield* index.page(tenant, after, rulesInPage)
    const wanted = page.filter(({ rule, document }) => !changed.has(rule) && isWanted(rule, document))
    yield* tellAll(wanted.map(({ rule }) => rule))
    told += wanted.length
    if (page.length < rulesInPage) return told
    after = page.at(-1)!.rule
  }
})

/** One tenant whose database does not answer holds up no other. Fails at the end if there was one. */
const enter = Effect.fnUntraced(function* (lane: number, { request, from }: Mark) {
  const { lanes } = yield* MetricStream
  const changed = yield* changedSince(lane, from)
  const isHome = (tenant: string) => (rule: string, document: RuleDocument) =>
    laneOf(tenant, homeName(rule, document), lanes) === lane
  const results = yield* Effect.forEach([...(yield* allTenants)], (tenant) =>
    Effect.result(tellRules(tenant, request, changed.get(tenant) ?? new Set(), isHome(tenant))),
  )
  let told = 0
  for (const result of results) {
    if (result._tag === "Failure") return yield* Effect.fail(result.failure)
    told += result.success
  }
  yield* Effect.logInfo(`lane ${lane}: ${told} rules enter it anew (${request})`)
})

const enterIfMarked = Effect.fnUntraced(function* (lane: number) {
  const store = yield* KeyValue.KeyValue
  const [stored] = yield* store.getMany([markKey(lane)])
  const mark = stored && readMark(stored)
  if (stored === undefined || mark === undefined || mark.done === true) return
  yield* enter(lane, mark)
  // Where another rebuild has begun meanwhile, the lane begins again, and is looked at again.
  const value = encoded({ ...mark, done: true })
  yield* store.putMany([{ key: markKey(lane), value, expectedRevision: stored.revision }])
})

/** Looks at each lane that begins here, until it is interrupted. */
export const runEntering = Effect.fnUntraced(function* ({ live, note }: EnteringLanes) {
  const looked = new WeakSet<LiveLane>()
  const failed = new Map<number, LaneProblem>()
  const fail = Effect.fnUntraced(function* (lane: number, { message: reason }: { readonly message: string }) {
    const now = yield* Clock.currentTimeMillis
    const { since = now, times = 0 } = failed.get(lane) ?? {}
    const problem = {
      lane,
      state: "entering",
      reason,
      since,
      times: times + 1,
      againAt: now + againMs,
    } as const
    failed.set(lane, problem)
    note(lane, problem)
    yield* Effect.logWarning(`lane ${lane}: not all of its rules enter it anew yet: ${reason}`)
  })
  const forget = (lane: number) => {
    failed.delete(lane)
    note(lane, undefined)
  }
  const look = (one: LiveLane) =>
    enterIfMarked(one.lane).pipe(
      Effect.andThen(
        Effect.sync(() => {
          looked.add(one)
          forget(one.lane)
        }),
      ),
      Effect.catch((error) => fail(one.lane, error)),
    )
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const here = [...live()]
    for (const lane of failed.keys()) if (here.every((one) => one.lane !== lane)) forget(lane)
    const begun = here.filter((one) => !looked.has(one) && now >= (failed.get(one.lane)?.againAt ?? 0))
    yield* Effect.forEach(begun, look, { discard: true })
    yield* Effect.sleep(lookEveryMs)
  }
})
