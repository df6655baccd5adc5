/**
 * What may befall a node: operations that are late, lost, done twice, done after their caller was told they failed; a
 * crash before or after any of them; standing still while the world goes on; a clock that jumps.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Unavailable } from "../errors.ts"
import type { Interference } from "../memory/interference.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** Probabilities per operation. */
export interface Rates {
  readonly lost: number
  readonly answerLost: number
  readonly lateAfterFailure: number
  readonly twice: number
  readonly slow: number
  readonly crashBefore: number
  readonly crashAfter: number
  readonly signalLost: number
  readonly signalTwice: number
}

export const calm: Rates = {
  lost: 0,
  answerLost: 0,
  lateAfterFailure: 0,
  twice: 0,
  slow: 0,
  crashBefore: 0,
  crashAfter: 0,
  signalLost: 0,
  signalTwice: 0,
}

export class FaultyNode implements Interference {
  readonly crashed = Deferred.makeUnsafe<void>()
  dead = false
  /** Never done: what a dead node waits for. */
  private readonly grave = Deferred.makeUnsafe<never>()
  clockOffset = 0
  private thaw: Deferred.Deferred<void> | undefined
  private frozenSignals: Array<() => void> = []
  private readonly time: VirtualTime
  private readonly rates: () => Rates

  constructor(time: VirtualTime, rates: () => Rates) {
    this.time = time
    this.rates = rates
  }

  /** Ends the node at once: nothing it still has under way can be answered. */
  crash(): void {
    if (this.dead) return
    this.dead = true
    Deferred.doneUnsafe(this.crashed, Effect.void)
  }

  /** Stops the node as SIGSTOP would: what is under way arrives, but it learns of nothing until it is thawed. */
  freeze(): void {
    this.thaw ??= Deferred.makeUnsafe<void>()
  }

  unfreeze(): void {
    if (this.thaw !== undefined) Deferred.doneUnsafe(this.thaw, Effect.void)
    this.thaw = undefined
    for (const deliver of this.frozenSignals.splice(0)) deliver()
  }

  /** Waits while the node stands still, for ever when it is dead. */
  readonly gate: Effect.Effect<void> = Effect.suspend(() => {
    if (this.dead) return Deferred.await(this.grave)
    return this.thaw === undefined ? Effect.void : Effect.andThen(Deferred.await(this.thaw), this.gate)
  })

  readonly run: Interference["run"] = (operation, apply) => this.operate(operation, apply)

  private readonly operate = Effect.fnUntraced(function* <A>(
    this: FaultyNode,
    operation: string,
    apply: () => A,
  ): Effect.fn.Return<A, Unavailable> {
    yield* this.gate
    const rates = this.rates()
    if (this.happens(rates.crashBefore)) this.crash()
    yield* this.gate
    const unavailable = (detail: string) => new Unavailable({ port: operation, detail })
    yield* this.time.sleep(this.latency(rates))
    if (this.happens(rates.lost)) {
      yield* this.gate
      return yield* unavailable("lost on the way")
    }
    if (this.happens(rates.lateAfterFailure)) {
      this.time.after(this.time.random.next() * 4_000, () => void apply())
      yield* this.gate
      return yield* unavailable("no answer in time; it happens later")
    }
    const result = apply()
    if (this.happens(rates.twice)) this.time.after(this.time.random.next() * 2_000, () => void apply())
    if (this.happens(rates.crashAfter)) this.crash()
    yield* this.time.sleep(this.latency(rates))
    yield* this.gate
    if (this.happens(rates.answerLost)) return yield* unavailable("the answer was lost")
    return result
  })

  readonly signal: Interference["signal"] = (deliver) => {
    if (this.dead || this.happens(this.rates().signalLost)) return
    const times = this.happens(this.rates().signalTwice) ? 2 : 1
    for (let copy = 0; copy < times; copy++) this.time.after(this.latency(this.rates()), deliver)
  }

  /** What a node hears waits while it stands still and is lost when it is dead. */
  heard(deliver: () => void): void {
    if (this.dead) return
    if (this.thaw === undefined) deliver()
    else this.frozenSignals.push(deliver)
  }

  private happens(probability: number): boolean {
    return probability > 0 && this.time.random.next() < probability
  }

  private latency(rates: Rates): number {
    return this.happens(rates.slow) ? this.time.random.next() * 1_500 : this.time.random.next() * 4
  }
}
