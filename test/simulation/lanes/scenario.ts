/**
 * One simulated run of rules: samples and events come, people define, change, move, disable and remove rules, while nodes
 * die, freeze and lose what they send; then calm, and desks, channels and lanes are held against one undisturbed evaluation
 * of the whole stream. Everything follows from the seed.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { makeLanes } from "../../../actors/cep/lane/make-lanes.ts"
import type { Evaluators } from "../../../actors/cep/lane/run-lane.ts"
import { makeEvaluator, readingOf } from "../../../actors/cep/make-evaluator.ts"
import { calm, FaultyNode, type Rates } from "../../../engine/testkit/faults.ts"
import { type CepEvent, type RuleDocument, type Sample, scheduleEvent } from "../../../schemas/index.ts"
import { tenantOfMetric } from "../../../streams/index.ts"
import { type LaneNode, LaneWorld, referenceOutputs, type WorldOptions } from "../../support/lanes.ts"
import { check, type Figures } from "./checker.ts"
import { deskEvents, notifications, type Replace, software } from "./desks.ts"
import { documentOf, eventTypes, hosts, metrics, pick, ruleNames, tenants } from "./rules.ts"

export interface Report extends Figures {
  readonly seed: string
  readonly violations: ReadonlyArray<string>
  readonly changes: number
  readonly moves: number
  readonly crashes: number
  readonly freezes: number
  readonly virtualSeconds: number
}

/** What is broken on purpose. */
export interface Sabotage extends Pick<WorldOptions, "engineOf"> {
  readonly desk?: Replace
  readonly evaluators?: Evaluators
}

export const evaluators: Evaluators = {
  make: (lane) => makeEvaluator({ lane }),
  read: (lane, state) => readingOf(state, { lane }),
}

const stormy: Rates = {
  lost: 0.03,
  answerLost: 0.03,
  lateAfterFailure: 0.02,
  twice: 0.02,
  slow: 0.04,
  crashBefore: 0.002,
  crashAfter: 0.003,
  signalLost: 0.03,
  signalTwice: 0.02,
}

const quick = { checkpointEveryMs: 300, checkpointShare: 2, drainMs: 2_000 }
const nodesMax = 3
const steps = 45
const settleMs = 180_000
/** Longer than groups of alerts wait with what is new. */
const toldMs = 12_000

interface Rule {
  readonly tenant: string
  readonly rule: string
  number: number
  told: RuleDocument | undefined
}

/** Those who send samples and events and change rules: what is unclear to them they send again. */
class Senders {
  readonly figures = { changes: 0, moves: 0 }
  private readonly world: LaneWorld
  private readonly service: Effect.Success<ReturnType<typeof makeLanes>>["service"]
  private readonly rules: ReadonlyArray<Rule> = tenants.flatMap((tenant) =>
    ruleNames.map((rule) => ({ tenant, rule, number: 0, told: undefined })),
  )
  private sent = 0

  constructor(world: LaneWorld, service: Senders["service"]) {
    this.world = world
    this.service = service
  }

  private readonly again = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
    Effect.catch(effect, () => Effect.andThen(this.world.time.sleep(150), this.again(effect)))

  private get now(): number {
    return this.world.time.now
  }

  change = (): Effect.Effect<unknown> => {
    const { random } = this.world.time
    const one = pick(random, this.rules)
    const { tenant, rule, told: before } = one
    const goes = before !== undefined && random.next() < 0.35
    const document = goes ? undefined : this.documentFor(rule, before)
    one.number += 1
    one.told = document
    this.figures.changes += 1
    const given = { tenant, rule, number: one.number, version: one.number }
    const change = document === undefined ? given : { ...given, document }
    if (before !== undefined && document !== undefined && before.trigger !== document.trigger)
      this.figures.moves += 1
    return this.again(this.service.changeRule(change, before))
  }

  private documentFor(rule: string, before: RuleDocument | undefined): RuleDocument {
    const { random } = this.world.time
    if (before === undefined || random.next() < 0.6) return documentOf(random, rule)
    return { ...before, severity: pick(random, ["info", "warning", "critical"]) }
  }

  samples = (): Effect.Effect<unknown> => {
    const { random } = this.world.time
    const batch: ReadonlyArray<Sample> = Array.from({ length: 1 + Math.floor(random.next() * 6) }, () => ({
      name: pick(random, metrics),
      labels: { host: pick(random, hosts) },
      value: Math.floor(random.next() * 11),
      at: Math.floor(this.now - random.next() * 2_500),
    }))
    return this.again(this.service.appendSamples(pick(random, tenants), batch, ["api"]))
  }

  events = (): Effect.Effect<unknown> => {
    const { random } = this.world.time
    this.sent += 1
    const tenant = pick(random, tenants)
    const event = (id: string, type: string): CepEvent => ({ id, type, at: this.now, attributes: {} })
    const due = this.rules.filter(
      (one) => one.tenant === tenant && one.told !== undefined && one.told.trigger.type === "schedule",
    )
    const all = [
      event(`sent ${this.sent}`, eventTypes[0]),
      ...due.map(({ rule }) => event(`${rule}/${this.now}`, scheduleEvent(rule))),
    ]
    return this.again(this.service.appendEvents(tenant, all))
  }
}

/** Nodes that come, go, stand still, and have wrong clocks. */
class Nodes {
  crashes = 0
  freezes = 0
  private running: ReadonlyArray<LaneNode> = []
  private readonly world: LaneWorld

  constructor(world: LaneWorld) {
    this.world = world
  }

  readonly keep = Effect.gen({ self: this }, function* () {
    const { random } = this.world.time
    const wanted = 1 + Math.floor(random.next() * nodesMax)
    for (;;) {
      const alive = this.running.filter(({ faults }) => !faults.dead)
      this.crashes += this.running.length - alive.length
      this.running = alive
      while (this.running.length < wanted) {
        const node = yield* this.world.start(quick)
        node.faults.clockOffset = (random.next() - 0.5) * 4_000
        this.running = [...this.running, node]
      }
      yield* this.world.time.sleep(200 + random.next() * 500)
    }
  })

  disturb(): void {
    const { random } = this.world.time
    const node = pick(random, this.running)
    if (node === undefined) return
    const draw = random.next()
    if (draw < 0.4) node.faults.crash()
    else if (draw < 0.6) node.faults.clockOffset = (random.next() - 0.5) * 20_000
    else {
      this.freezes += 1
      node.faults.freeze()
      this.world.time.after(random.next() * 12_000, () => node.faults.unfreeze())
    }
  }

  settle(): void {
    this.world.rates = calm
    for (const { faults } of this.running) {
      faults.unfreeze()
      faults.clockOffset = 0
    }
  }
}

const publishedOf = Effect.fnUntraced(function* (world: LaneWorld, tenant: string) {
  const found: Array<CepEvent> = []
  yield* world.stream.read(">", { sequence: 1 }, ({ token, data }) => {
    if (tenantOfMetric(token) !== tenant || data[0] !== 0x7b) return
    const message = JSON.parse(new TextDecoder().decode(data)) as {
      readonly events?: ReadonlyArray<CepEvent>
    }
    found.push(...(message.events ?? []).filter(({ origin }) => origin !== undefined))
  })
  return found
})

const observe = Effect.fnUntraced(function* (world: LaneWorld) {
  const outputs = yield* referenceOutputs(world.stream, evaluators)
  const entries = world.entries()
  return yield* Effect.forEach(tenants, (tenant) =>
    Effect.map(publishedOf(world, tenant), (derived) => ({
      tenant,
      outputs: outputs.filter((output) => output.tenant === tenant),
      deskEvents: deskEvents(entries, tenant),
      notifications: notifications(entries, tenant),
      derived,
    })),
  )
})

const noFigures = (): Figures => ({ transitions: 0, matches: 0, derived: 0, repeated: 0, notifications: 0 })

export const simulate = (seed: string, sabotage: Sabotage = {}): Report => {
  const { engineOf } = sabotage
  const world = new LaneWorld(seed, sabotage.evaluators ?? evaluators, {
    software: software(sabotage.desk),
    ...(engineOf === undefined ? {} : { engineOf }),
  })
  const { time } = world
  const start = time.now
  const nodes = new Nodes(world)
  const client = new FaultyNode(time, () => ({ ...world.rates, crashBefore: 0, crashAfter: 0 }))
  const violations: Array<string> = []
  let [figures, changed] = [noFigures(), { changes: 0, moves: 0 }]

  const scenario = Effect.gen(function* () {
    yield* Effect.forkScoped(nodes.keep)
    const { service } = yield* makeLanes(world.streamOf(client))
    const senders = new Senders(world, service)
    changed = senders.figures
    for (let count = 0; count < 6; count++) yield* senders.change()
    world.rates = stormy
    for (let step = 0; step < steps; step++) {
      const draw = time.random.next()
      yield* draw < 0.6 ? senders.samples() : draw < 0.75 ? senders.events() : senders.change()
      if (time.random.next() < 0.1) nodes.disturb()
      yield* time.sleep(time.random.next() * 700)
    }
    nodes.settle()
    const deadline = time.now + settleMs
    for (;;) {
      yield* time.sleep(toldMs)
      const seen = yield* observe(world)
      figures = noFigures()
      const found = seen.flatMap((one) => check(one, figures))
      if (found.length === 0) return
      if (time.now < deadline) continue
      violations.push(...found)
      return
    }
  })

  try {
    const exit = time.run(Effect.scoped(scenario))
    if (exit._tag === "Failure") violations.push(`the run failed: ${Cause.pretty(exit.cause)}`)
  } catch (thrown) {
    violations.push(`the run broke: ${thrown instanceof Error ? thrown.stack : String(thrown)}`)
  }
  return {
    seed,
    violations,
    ...figures,
    ...changed,
    crashes: nodes.crashes,
    freezes: nodes.freezes,
    virtualSeconds: Math.round((time.now - start) / 1_000),
  }
}
