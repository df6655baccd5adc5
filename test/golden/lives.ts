/** One life per actor kind in which each of its events happens: what a golden journal is recorded from. */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import { kinds } from "../../actors/index.ts"
import type { ActivityRun, Implementation } from "../../engine/index.ts"
import {
  AgentProtocol,
  type AnyProtocol,
  CepRuleProtocol,
  ChatSessionProtocol,
  LlmHealthProtocol,
  LockProtocol,
  MetricPollProtocol,
  OpsPlanProtocol,
  type RuleDocument,
  TaskContextProtocol,
  TaskProtocol,
} from "../../schemas/index.ts"
import { implementation } from "../support/deployment.ts"
import { alertDeskLife } from "./alert-desk-life.ts"
import { notificationLife } from "./notification-life.ts"

/** Asked, and not waited for where it is answered later; then virtual time passes. */
export interface Step {
  readonly protocol: AnyProtocol
  readonly key: string
  readonly command: { readonly _tag: string }
  readonly thenMs: number
}

const step =
  <P extends AnyProtocol>(protocol: P, key: string) =>
  (command: P["Command"], thenMs = 100): Step => ({ protocol, key, command, thenMs })

const agent = step(AgentProtocol, "guide")
const far = step(AgentProtocol, "far")
const session = step(ChatSessionProtocol, "s")
const lost = step(ChatSessionProtocol, "lost")
const rule = step(CepRuleProtocol, "cpu")
const health = step(LlmHealthProtocol, "models")
const broken = step(LlmHealthProtocol, "broken")
const lock = step(LockProtocol, "l")
const scheduled = step(CepRuleProtocol, "nightly")
const brokenRule = step(CepRuleProtocol, "broken")
const poll = step(MetricPollProtocol, "cpu")
const task = step(TaskProtocol, "t")
const context = step(TaskContextProtocol, "c")

const register = agent({
  _tag: "Register",
  name: "Guide",
  framework: "builtin",
  description: "",
  skills: [],
  behaviour: "guide",
})
const remote = {
  name: "Far away",
  framework: "agno",
  description: "",
  skills: [],
  endpoint: "http://far.example/agent",
  owner: "ann",
} as const
const open = { _tag: "Open", agentId: "guide", title: "Ünïcode ✓", owner: "ann" } as const
const say = (messageId: string) => ({ _tag: "Say", messageId, content: `what is ${messageId}?` }) as const
const cpu: RuleDocument = {
  name: "cpu",
  trigger: { type: "metric", metric: "cpu", where: { host: "a" } },
  group_by: ["host"],
  condition: "value > 80.0",
  clear: "value <= 60.0",
  for: "1s",
  severity: "warning",
  actions: [{ type: "notify", channel: "ops" }],
}
const often: RuleDocument = { name: "often", trigger: { type: "schedule", every: "1s", missed: "all" } }
const alert = {
  id: "cpu/a/1",
  rule: "cpu",
  name: "cpu",
  severity: "warning",
  status: "raised",
  metric: "cpu",
  group: { host: "a" },
  value: 95,
  threshold: 80,
  since: 1_000,
  at: 3_000,
} as const
const openTask = (text: string) =>
  ({ _tag: "Open", agent: "guide", owner: "ann", context: "c", messageId: "m1", text }) as const
const receiver = { id: "first", version: "1.0", sealed: "sealed" } as const

export const lives: Readonly<Record<string, ReadonlyArray<Step>>> = {
  "alert-desk": alertDeskLife,
  agent: [
    register,
    agent({ _tag: "Execute", task: "do it" }, 1_000),
    agent({ _tag: "Worked", as: "answered" }),
    far({ _tag: "Create", descriptor: remote, by: "ann" }, 130_000),
    far({ _tag: "CheckHealth" }),
    far({ _tag: "Move", status: "STAGING", by: "ann" }),
    far({ _tag: "Change", descriptor: { ...remote, accessLevel: "private" }, by: "ann" }),
    far({ _tag: "Archive", archived: true, by: "ann" }),
    agent({ _tag: "Alert", alert }),
  ],
  "cep-rule": [
    rule({ _tag: "Define", document: cpu }),
    rule({ _tag: "Disable" }),
    rule({ _tag: "Enable" }),
    rule({ _tag: "Define", document: { ...cpu, name: "Ünïcode ✓", for: "1h30m" } }),
    rule({ _tag: "Restore", version: 1 }),
    rule({ _tag: "Enter", request: "n1.1" }),
    rule({ _tag: "Remove" }),
    scheduled({ _tag: "Define", document: often }, 3_500),
    scheduled({ _tag: "Disable" }),
    brokenRule({ _tag: "Define", document: often }, 40_000),
  ],
  "chat-session": [
    register,
    session(open),
    session(say("m1"), 1_000),
    session(say("slow")),
    session({ _tag: "Stop" }),
    session({ _tag: "Transfer", toAgent: "nobody", reason: "try", context: "last", messages: 4 }),
    session(say("m2"), 1_000),
    session(say("restarts"), 1_000),
    session({ _tag: "Rename", title: "renamed" }),
    session({ _tag: "Delete" }),
    lost(open),
    lost(say("slow"), 40_000),
    lost(say("hands over"), 1_000),
    lost({ _tag: "Rename", title: "broken" }),
  ],
  "llm-health": [
    health({ _tag: "Watch", everyMs: 60_000 }, 150_000),
    broken({ _tag: "Watch", everyMs: 60_000 }, 70_000),
  ],
  lock: [
    lock({ _tag: "Acquire", owner: "ann", waitMs: 0, ttlMs: 5_000 }),
    lock({ _tag: "Extend", owner: "ann", fence: 1, ttlMs: 6_000 }),
    lock({ _tag: "Acquire", owner: "bob", waitMs: 60_000, ttlMs: 60_000 }),
    lock({ _tag: "Acquire", owner: "cid", waitMs: 1_000, ttlMs: 1_000 }, 10_000),
    lock({ _tag: "Acquire", owner: "dan", waitMs: 60_000, ttlMs: 3_600_000 }),
    lock({ _tag: "Release", owner: "bob", fence: 2 }),
  ],
  "metric-poll": [
    poll(
      {
        _tag: "Follow",
        number: 1,
        poll: { url: "http://far.example/", every: "1s", format: "json", path: "$.a" },
        metric: "cpu",
        names: ["cpu"],
        origin: "http://far.example",
      },
      1_500,
    ),
    poll({ _tag: "SetCredential", number: 1, origin: "http://far.example", sealed: "v1.a.b" }, 2_000),
    poll({ _tag: "Follow", number: 2, metric: "cpu", names: ["cpu"], origin: "http://far.example" }),
    poll({ _tag: "RemoveCredential" }),
    poll({ _tag: "SetCredential", number: 2, origin: "http://far.example", sealed: "v1.c.d" }),
    poll({ _tag: "Follow", number: 3, metric: "cpu", names: [] }),
    step(MetricPollProtocol, "broken")(
      {
        _tag: "Follow",
        number: 1,
        poll: { url: "http://far.example/broken", every: "1s", format: "prometheus" },
        metric: "cpu",
        names: ["cpu"],
      },
      3_500,
    ),
  ],
  notification: notificationLife,
  "ops-plan": [
    step(OpsPlanProtocol, "p")({ _tag: "Ask", question: "what is the CPU usage?" }, 2_000),
    step(OpsPlanProtocol, "fails")({ _tag: "Ask", question: "broken" }, 20_000),
  ],
  task: [
    register,
    task({ ...openTask("it asks for more"), push: receiver, metadata: { from: "Ünïcode ✓" } }, 2_000),
    task({ _tag: "Continue", messageId: "m2", text: "it asks again and restarts" }, 2_000),
    task({ _tag: "Continue", messageId: "m3", text: "slow", parts: [{ text: "slow" }, { data: { a: 1 } }] }),
    task({ _tag: "SetPush", push: { ...receiver, id: "second" } }),
    task({ _tag: "RemovePush", id: "second" }),
    task({ _tag: "Cancel" }, 2_000),
    step(TaskProtocol, "moves")(openTask("hands over"), 2_000),
    step(TaskProtocol, "lost")(openTask("slow"), 950_000),
  ],
  "task-context": [
    context({ _tag: "Join", task: "t1" }),
    context({ _tag: "Join", task: "t2" }),
    context({ _tag: "Join", task: "t1" }),
  ],
}

/** A value that fits, the same every time. */
const valueOf = (schema: Parameters<typeof Arbitrary.schema>[0], seed: string): unknown =>
  Effect.runSync(Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 1, size: 4, seed }))[0]

const answer = (input: unknown, run: ActivityRun) =>
  Effect.gen(function* () {
    const { agent, stream, question } = input as {
      readonly agent: string
      readonly stream: boolean
      readonly question: string
    }
    if (question.includes("hands over") && agent !== "ops")
      return { _tag: "HandedOver", toAgent: "ops", reason: "it knows", context: "full" }
    if (stream) yield* run.emit({ from: 0, tokens: ["to", "ken"] })
    if (question.includes("restarts")) yield* run.emit({ from: 0, tokens: ["a", "new"], restart: "cut off" })
    yield* Effect.sleep(question.includes("slow") ? 600_000 : 100)
    const said = { _tag: "Said", tokens: stream ? 2 : 0, text: stream ? "" : "done", blocks: [] }
    return question.includes("asks") ? { ...said, awaitsInput: true } : said
  })

/** What an index says that took a row in. */
const indexed = (input: unknown) => {
  const {
    view,
    number,
    revision = view?.revision ?? number,
    messages,
    upTo,
  } = input as {
    readonly upTo?: unknown
    readonly number?: number
    readonly view?: { readonly revision: number }
    readonly revision?: number
    readonly messages?: ReadonlyArray<{ readonly number: number }>
  }
  if (upTo !== undefined) return upTo
  return revision === undefined
    ? undefined
    : { revision, number: revision, message: messages?.at(-1)?.number ?? 0 }
}

/** Every kind, with activities that give values of their schemas. */
export const recordedKinds: ReadonlyArray<Implementation> = kinds.map((kind) => {
  const stages = Object.entries(kind.activities as Readonly<Record<string, { readonly output: never }>>).map(
    ([name, { output }]) =>
      [
        name,
        (input: unknown, { self }: ActivityRun) =>
          Effect.suspend(() => {
            if (self.key === "broken" || JSON.stringify(input).includes("broken"))
              return Effect.die(new Error("as asked"))
            const given = name === "index" ? indexed(input) : undefined
            return Effect.succeed(name === "validate" ? [] : (given ?? valueOf(output, name)))
          }),
      ] as const,
  )
  const activities = Object.fromEntries(stages)
  return implementation(
    kind,
    "answer" in activities ? { ...activities, answer: answer as never } : activities,
  )
})
