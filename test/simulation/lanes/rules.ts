/** Rules that people write during a run, and the names that they look at, in all lanes. */
import { compile } from "../../../actors/cep/compile.ts"
import type { VirtualTime } from "../../../engine/testkit/virtual-time.ts"
import type { Action, RuleDocument } from "../../../schemas/index.ts"

export const tenants = ["acme", "umbrella"] as const
export const metrics = ["cpu", "memory", "disk", "latency", "errors", "queue"] as const
/** A rule publishes only types that come after those it takes in. */
export const eventTypes = ["deploy", "seen.once", "seen.twice"] as const
export const hosts = ["a", "b", "c"] as const
export const ruleNames = ["r1", "r2", "r3", "r4"] as const

type Random = VirtualTime["random"]

export const pick = <A>(random: Random, from: ReadonlyArray<A>): A =>
  from[Math.floor(random.next() * from.length)]!

type Draft = Omit<RuleDocument, "name">

const notify: Action = { type: "notify", channel: "ops" }

const windowOf = (random: Random) =>
  pick(random, [
    { type: "tumbling", size: "4s" },
    { type: "hopping", size: "6s", slide: "2s" },
    { type: "sliding", size: "5s" },
    { type: "session", gap: "3s" },
    { type: "count", count: 3 },
  ] as const)

const timing = (random: Random): Partial<Draft> =>
  pick<Partial<Draft>>(random, [
    {},
    { timing: { out_of_orderness: "2s" } },
    { timing: { out_of_orderness: "1s", allowed_lateness: "3s", late: "publish" } },
  ])

const publishing = (event: string): Action => ({
  type: "publish_event",
  event,
  on: ["firing", "resolved"],
})

const metricRule = (random: Random): Draft => {
  const [metric, other] = [pick(random, metrics), pick(random, metrics)]
  const often = random.next() < 0.5
  const aggregates: Draft["aggregates"] = {
    total: {
      function: pick(random, ["sum", "avg", "max", "count"]),
      window: windowOf(random),
      metric: other,
    },
  }
  return {
    trigger: { type: "metric", metric },
    group_by: pick(random, [[], ["host"]]),
    ...(often ? { aggregates } : {}),
    condition: often ? pick(random, ["total > 12.0", "value > 6 && total > 4.0"]) : "value > 6",
    ...pick(random, [{}, { for: "1500ms" }, { for: "4s" }]),
    ...pick(random, [{}, { clear: "value < 3" }, { keep_firing_for: "3s" }, { cooldown: "5s" }]),
    ...pick<Partial<Draft>>(random, [
      {},
      {},
      { missing_data: { after: "6s", state: pick(random, ["no_data", "firing", "resolved"]) } },
    ]),
    ...pick<Partial<Draft>>(random, [{}, { levels: [{ severity: "critical", condition: "value > 8" }] }]),
    ...timing(random),
    actions: random.next() < 0.6 ? [notify, publishing(pick(random, eventTypes.slice(1)))] : [notify],
  }
}

const eventRule = (random: Random): Draft => {
  const index = Math.floor(random.next() * eventTypes.length)
  const next = eventTypes[index + 1]
  const counted: Draft["aggregates"] = { seen: { function: "count", window: windowOf(random) } }
  const base: Draft = {
    trigger: { type: "event", event: eventTypes[index]! },
    mode: "trigger",
    actions: next === undefined ? [notify] : [notify, { type: "publish_event", event: next }],
  }
  return random.next() < 0.5 ? base : { ...base, mode: "alert", aggregates: counted, condition: "seen > 1.0" }
}

const patternRule = (random: Random): Draft => {
  const metric = pick(random, metrics)
  return {
    trigger: { type: "metric", metric },
    group_by: ["host"],
    pattern: {
      stages: [
        { name: "high", metric, condition: "value > 5" },
        {
          name: "then",
          metric: pick(random, metrics),
          contiguity: pick(random, ["next", "followed_by"]),
          condition: "value > 5",
        },
      ],
      within: "8s",
    },
    keep_firing_for: "5s",
    actions: [notify],
  }
}

const scheduleRule = (): Draft => ({
  trigger: { type: "schedule", every: "5s" },
  mode: "trigger",
  actions: [notify],
})

/** Whatever is written here runs: what would be refused breaks the simulation. */
export const documentOf = (random: Random, rule: string): RuleDocument => {
  const draw = random.next()
  const draft =
    draw < 0.5
      ? metricRule(random)
      : draw < 0.75
        ? eventRule(random)
        : draw < 0.9
          ? patternRule(random)
          : scheduleRule()
  const document = JSON.parse(JSON.stringify({ name: rule, ...draft })) as RuleDocument
  const program = compile(rule, 1, document)
  if (typeof program === "string") throw new Error(`${program}: ${JSON.stringify(document)}`)
  return document
}
