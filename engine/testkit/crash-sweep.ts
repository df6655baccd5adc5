/**
 * Kills a node at every single step of a scenario, one run per step, and checks that nobody can tell: the same answers,
 * the same states, each command once. Meant for the authors of actor kinds as well as for the engine itself.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { AnyProtocol } from "../../schemas/index.ts"
import * as Address from "../address.ts"
import type { EngineError, Rejected } from "../errors.ts"
import * as History from "../history.ts"
import type { Limits } from "../limits.ts"
import type { Interference } from "../memory/interference.ts"
import type { EngineShape } from "../node.ts"
import type { Implementation } from "../owner.ts"
import * as Record from "../record.ts"
import { calm, FaultyNode } from "./faults.ts"
import { makeStores, type Stores, startNode } from "./memory-deployment.ts"
import { VirtualTime } from "./virtual-time.ts"

export interface CrashSweepStep {
  readonly protocol: AnyProtocol
  readonly key: string
  readonly command: { readonly _tag: string }
  /** Virtual time that passes before it is asked. */
  readonly afterMs?: number
}

export interface CrashSweepOptions {
  readonly implementations: ReadonlyArray<Implementation>
  /** Asked one after the other, each under an idempotency key of its own and again until it is answered. */
  readonly steps: ReadonlyArray<CrashSweepStep>
  /** Virtual time after the last step in which timers, activities and sent commands come to their end. */
  readonly settleMs?: number
  /** What has to be the same however the node died, of an actor's encoded state. Leave out what depends on the time. */
  readonly viewState?: (state: unknown, kind: string) => unknown
  /** The same for answers, which come as `{ ok }`, `{ rejected }` or `{ failed: code }`. */
  readonly viewAnswer?: (answer: unknown, step: CrashSweepStep) => unknown
  readonly partitions?: number
  readonly limits?: Partial<Limits>
  readonly seed?: string
}

export interface CrashSweepReport {
  /** Port operations of the undisturbed run. Each of them was a moment to die, before and after it took effect. */
  readonly operations: ReadonlyArray<string>
  readonly runs: number
  /** Empty when nobody could tell. */
  readonly violations: ReadonlyArray<string>
  /** What the undisturbed run came to, so that a test can see that the scenario does what it should. */
  readonly outcome: Outcome
}

interface Outcome {
  readonly answers: ReadonlyArray<unknown>
  readonly states: Readonly<Record<string, unknown>>
  readonly deadLetters: ReadonlyArray<string>
}

interface CrashPoint {
  readonly operation: number
  readonly side: "before" | "after"
}

/** Frequent checkpoints and small bounds, so that a short scenario meets the engine's every step. */
const smallLimits: Partial<Limits> = { checkpointEveryMs: 600, passivateAfterMs: 900 }
const tenant = "sweep"
const triesMax = 300

/**
 * Runs the scenario once undisturbed, then once for each of its port operations and side of it with the first node dying
 * there and another one taking over. Deterministic: the same options give the same report.
 * Gotcha: activities must bear being run again, as always; their services are shared by all runs.
 */
export const crashSweep = (options: CrashSweepOptions): CrashSweepReport => {
  const undisturbed = runOnce(options, undefined)
  const violations = undisturbed.violations.map((violation) => `undisturbed: ${violation}`)
  const { outcome, operations } = undisturbed
  const points = operations.flatMap((_, index) => [
    { operation: index + 1, side: "before" } as const,
    { operation: index + 1, side: "after" } as const,
  ])
  for (const point of points) {
    const run = runOnce(options, point)
    const where = `dead ${point.side} operation ${point.operation} (${operations[point.operation - 1]})`
    for (const violation of [...run.violations, ...differences(outcome, run.outcome)]) {
      violations.push(`${where}: ${violation}`)
    }
  }
  return { operations, runs: 1 + points.length, violations, outcome }
}

/** Counts the operations of a node and ends it at one of them. */
class Counting implements Interference {
  readonly operations: Array<string> = []
  private readonly faults: FaultyNode
  private readonly point: CrashPoint | undefined

  constructor(faults: FaultyNode, point: CrashPoint | undefined) {
    this.faults = faults
    this.point = point
  }

  readonly run: Interference["run"] = (operation, apply) =>
    Effect.suspend(() => {
      const here = this.operations.push(operation) === this.point?.operation
      if (here && this.point?.side === "before") this.faults.crash()
      return this.faults.run(operation, () => {
        const result = apply()
        if (here) this.faults.crash()
        return result
      })
    })

  readonly signal: Interference["signal"] = (deliver) => this.faults.signal(deliver)
  readonly heard: Interference["heard"] = (deliver) => this.faults.heard(deliver)
}

interface Life {
  readonly engine: EngineShape
  readonly faults: FaultyNode
}

interface Run {
  readonly outcome: Outcome
  readonly operations: ReadonlyArray<string>
  readonly violations: ReadonlyArray<string>
}

const runOnce = (options: CrashSweepOptions, point: CrashPoint | undefined): Run => {
  const time = new VirtualTime(options.seed ?? "sweep")
  const stores = makeStores({ now: () => time.now })
  const partitions = options.partitions ?? 2
  const answers: Array<unknown> = []
  const violations: Array<string> = []
  let counting: Counting | undefined
  let lives = 0
  let current: Life | undefined

  const live = Effect.gen(function* () {
    const faults = new FaultyNode(time, () => calm)
    const interference = new Counting(faults, lives === 0 ? point : undefined)
    counting ??= interference
    lives += 1
    const scope = yield* Scope.make()
    const engine = yield* startNode(
      stores,
      {
        partitions,
        incarnation: `node-${lives}`,
        implementations: options.implementations,
        limits: { ...smallLimits, ...options.limits },
      },
      interference,
    ).pipe(
      Effect.provideService(Scope.Scope, scope),
      Effect.provideService(Clock.Clock, time.clock({ offset: () => 0, gate: faults.gate })),
    )
    current = { engine, faults }
    yield* Deferred.await(faults.crashed)
    current = undefined
    yield* Scope.close(scope, Exit.void)
  })

  const ask = Effect.fnUntraced(function* (step: CrashSweepStep, number: number) {
    for (let tries = 0; tries < triesMax; tries++) {
      const told = current === undefined ? undefined : yield* askOnce(current, step, `step-${number}`)
      if (told !== undefined) return told
      yield* Effect.sleep(50)
    }
    violations.push(`step ${number} (${step.command._tag}) was not answered in ${triesMax} tries`)
    return undefined
  })

  const scenario = Effect.gen(function* () {
    yield* Effect.forkScoped(Effect.forever(live))
    for (const [number, step] of options.steps.entries()) {
      yield* Effect.sleep(step.afterMs ?? 0)
      const answer = yield* ask(step, number)
      answers.push(plain(options.viewAnswer?.(answer, step) ?? answer))
    }
    for (let before = -1; before !== lives; ) {
      before = lives
      yield* Effect.sleep(options.settleMs ?? 3_000)
    }
  })

  try {
    const exit = time.run(Effect.scoped(scenario))
    if (exit._tag === "Failure") violations.push(`the run failed: ${Cause.pretty(exit.cause)}`)
  } catch (thrown) {
    violations.push(`the run broke: ${String(thrown)}`)
  }
  if (point !== undefined && lives < 2)
    violations.push("the node did not die: the scenario is not deterministic")
  const folded = foldAll(options, stores, partitions)
  return {
    operations: counting?.operations ?? [],
    outcome: { answers, states: folded.states, deadLetters: folded.deadLetters },
    violations: [...violations, ...folded.violations],
  }
}

/** Undefined when nobody knows: it has to be asked again. */
const askOnce = (life: Life, step: CrashSweepStep, idempotencyKey: string): Effect.Effect<unknown> => {
  const call: Effect.Effect<unknown, EngineError | Rejected> = life.engine.ask(
    step.protocol,
    step.key,
    step.command as never,
    { tenant, idempotencyKey },
  )
  return Effect.raceFirst(
    call.pipe(
      Effect.map((ok) => ({ ok })),
      Effect.catch((error) =>
        Effect.succeed(
          error._tag === "Rejected"
            ? { rejected: error.rejection }
            : error.kind === "retryable"
              ? undefined
              : { failed: error.code },
        ),
      ),
    ),
    Effect.as(Deferred.await(life.faults.crashed), undefined),
  )
}

/** Folds all journals from their beginning: no gap, nothing handled twice. */
const foldAll = (options: CrashSweepOptions, stores: Stores, partitions: number) => {
  const kinds = new Map(options.implementations.map(({ kind }) => [kind.protocol.kind, kind]))
  const histories = new Map<string, Array<History.Past>>()
  const violations: Array<string> = []
  const letters = new Map<string, string>()
  for (let partition = 0; partition < partitions; partition++) {
    let previous = 0
    const once = new Set<string>()
    for (const { sequence, data } of stores.journal.messages(partition)) {
      const record = Record.decode(data)
      if ("corrupt" in record) {
        violations.push(`journal ${partition}/${sequence}: ${record.corrupt}`)
        continue
      }
      if (record.prev !== previous) violations.push(`journal ${partition}/${sequence}: forked`)
      previous = sequence
      for (const [index, entry] of record.entries.entries()) {
        const key = onceKey(entry)
        if (key !== undefined && once.has(key)) violations.push(`handled twice: ${entry.to} ${key}`)
        if (key !== undefined) once.add(key)
        const history = histories.get(entry.to) ?? []
        histories.set(entry.to, history)
        history.push({ sequence, index, spanId: "", entry })
      }
    }
    for (const { data } of stores.deadLetters.messages(partition)) {
      const { id, entry } = JSON.parse(new TextDecoder().decode(data)) as { id: string; entry: Record.Entry }
      letters.set(id, `${entry.to} ${entry.dead?.code}`)
    }
  }
  const states: Array<readonly [string, unknown]> = []
  for (const [id, history] of histories) {
    const address = Address.parse(id)
    const kind = kinds.get(Address.kindOf(id))
    if (address === undefined || kind === undefined) continue
    const rebuilt = History.fold(kind, address, history)
    if (rebuilt.failure !== undefined) violations.push(`${id}: ${rebuilt.failure}`)
    states.push([id, plain(options.viewState?.(rebuilt.state, address.kind) ?? rebuilt.state)])
  }
  return {
    states: Object.fromEntries(states.toSorted(([left], [right]) => (left < right ? -1 : 1))),
    deadLetters: [...letters.values()].toSorted(),
    violations,
  }
}

const onceKey = ({ cause }: Record.Entry): string | undefined => {
  switch (cause.t) {
    case "command":
      return `${cause.source} ${cause.mark.join(".")}`
    case "malformed":
      return `position ${cause.at.join(".")}`
    case "timer":
      return `timer ${cause.key} ${cause.dueAt}`
    case "settled":
      return `activity ${cause.id} ${cause.trace}`
    default:
      return undefined
  }
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

const differences = (expected: Outcome, found: Outcome): ReadonlyArray<string> => {
  const differ = (what: string, one: unknown, other: unknown) =>
    JSON.stringify(one) === JSON.stringify(other)
      ? []
      : [`${what} is ${JSON.stringify(other)}, undisturbed it is ${JSON.stringify(one)}`]
  const actors = new Set([...Object.keys(expected.states), ...Object.keys(found.states)])
  return [
    ...expected.answers.flatMap((answer, index) => differ(`answer ${index}`, answer, found.answers[index])),
    ...[...actors].flatMap((actor) => differ(actor, expected.states[actor], found.states[actor])),
    ...differ("the list of dead letters", expected.deadLetters, found.deadLetters),
  ]
}
