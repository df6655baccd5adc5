/**
 * Makes up for the past of a lane's new rules beside the lane, so that only they wait for it. When one tenant's are nearly
 * there, a message in the lane says from where on they count; whoever reads the lane finishes them at that place.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { LogFull, Unavailable } from "../../../engine/index.ts"
import { filledRulesMax, type LaneMessage } from "../../../schemas/index.ts"
import { metricToken, ruleSource } from "../../../streams/index.ts"
import type { AwaitedChange, Evaluator } from "../evaluator.ts"
import { Fill, type FillOptions } from "./history.ts"
import { changesOf, type FilledInput } from "./lane-input.ts"

interface UnderWay {
  readonly fill: Fill
  readonly fiber: Fiber.Fiber<void>
}

export interface FillsOptions extends FillOptions {
  readonly evaluator: Evaluator
}

const encoder = new TextEncoder()

export class Fills {
  private readonly underWay = new Map<string, UnderWay>()
  private readonly options: FillsOptions
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>

  private constructor(options: FillsOptions, fork: Fills["fork"]) {
    this.options = options
    this.fork = fork
  }

  /** What is under way ends with the scope. */
  static make(options: FillsOptions): Effect.Effect<Fills, never, Scope.Scope> {
    return Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => new Fills(options, fork))
  }

  /** Begins what can be begun, and gives up what is not waited for any more. To be called when changes came. */
  look(): void {
    const awaiting = this.options.evaluator.awaiting()
    for (const [tenant, { fill, fiber }] of this.underWay) {
      const waiting = awaiting.get(tenant)
      const left = fill.awaited.filter((one) => waiting?.get(one.change.rule) === one)
      if (left.length === fill.awaited.length) continue
      this.underWay.delete(tenant)
      this.fork(Fiber.interrupt(fiber))
      // Without what has changed again: a rule that is edited without end holds up no other.
      if (left.length > 0) this.begin(tenant, left)
    }
    for (const [tenant, waiting] of awaiting) {
      if (this.underWay.size >= this.options.limits.fillsMax) return
      if (!this.underWay.has(tenant)) this.begin(tenant, [...waiting.values()].slice(0, filledRulesMax))
    }
  }

  private begin(tenant: string, awaited: ReadonlyArray<AwaitedChange>): void {
    const fill = new Fill(this.options, awaited)
    const work = Effect.catchCause(this.work(tenant, fill), (cause) => this.giveUp(tenant, fill, cause))
    this.underWay.set(tenant, { fill, fiber: this.fork(work) })
  }

  /** A defect: others have its turn, and it begins again with the next change of the lane. */
  private giveUp(tenant: string, fill: Fill, cause: Cause.Cause<never>): Effect.Effect<void> {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    if (this.underWay.get(tenant)?.fill === fill) this.underWay.delete(tenant)
    const rules = fill.awaited.map(({ change }) => change.rule).join(", ")
    const { lane } = this.options
    return Effect.logError(`lane ${lane}: the past of ${rules} of ${tenant} cannot be read`, cause)
  }

  private readonly work = Effect.fnUntraced(function* (this: Fills, tenant: string, fill: Fill) {
    const { lane, stream, limits } = this.options
    for (let round = 1; round <= limits.fillRoundsMax; round++)
      if ((yield* this.patiently(fill.read())) <= limits.fillNearMessages) break
    const rules = fill.awaited.map(({ change: { rule, number } }) => ({ rule, number }))
    const message: LaneMessage = { _tag: "RulesFilled", rules }
    const data = encoder.encode(JSON.stringify(message))
    yield* this.patiently(stream.append(metricToken(tenant, lane, ruleSource), data))
  })

  /** Nothing of it may be missing: what cannot be reached is tried again until it can. */
  private patiently<A>(effect: Effect.Effect<A, Unavailable | LogFull>): Effect.Effect<A> {
    return Effect.catch(effect, () =>
      Effect.andThen(Effect.sleep(this.options.limits.retryMs), this.patiently(effect)),
    )
  }

  /** The changes that a message makes count, and the past of their rules up to there. Undefined when it comes too late. */
  readonly finish = Effect.fnUntraced(function* (this: Fills, input: FilledInput) {
    const awaited = changesOf(this.options.evaluator, input)
    if (awaited === undefined) return undefined
    const fill = (yield* this.taken(input, awaited)) ?? new Fill(this.options, awaited)
    yield* this.patiently(fill.read(input.place.sequence))
    return { awaited, past: fill.finish() }
  })

  /** What was made for exactly these, and no further than to there. */
  private readonly taken = Effect.fnUntraced(function* (
    this: Fills,
    { tenant, place }: FilledInput,
    awaited: ReadonlyArray<AwaitedChange>,
  ) {
    const found = this.underWay.get(tenant)
    if (found === undefined) return undefined
    this.underWay.delete(tenant)
    yield* Fiber.interrupt(found.fiber)
    const { fill } = found
    const isSame =
      fill.awaited.length === awaited.length && fill.awaited.every((one, index) => one === awaited[index])
    return isSame && fill.position < place.sequence ? fill : undefined
  })
}
