/**
 * A world without real time: fibers run on a task list, sleeps on a heap, and the order of whatever could run next is
 * drawn from a seed. The same seed gives the same run, so a failure found once can be looked at as often as wanted.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as DeterministicRandom from "../deterministic-random.ts"

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
  cancelled: boolean
}

/** Runs longer than this many steps are taken for a live-lock. */
const stepsMax = 2_000_000

export class VirtualTime {
  now = 1_800_000_000_000
  readonly random: DeterministicRandom.DeterministicRandom
  private tasks: Array<() => void> = []
  private readonly sleepers: Array<Sleeper> = []
  private orders = 0
  private steps = 0

  constructor(seed: string) {
    this.random = DeterministicRandom.make(seed)
  }

  /** Calls `wake` once `milliseconds` have passed; answers how to cancel that. */
  after(milliseconds: number, wake: () => void): () => void {
    const sleeper: Sleeper = {
      at: this.now + Math.max(0, milliseconds),
      order: this.orders++,
      wake,
      cancelled: false,
    }
    this.push(sleeper)
    return () => {
      sleeper.cancelled = true
    }
  }

  sleep(milliseconds: number): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const cancel = this.after(milliseconds, () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }

  /** A clock that may be wrong by `offset` and stands still for sleepers while `gate` holds them. */
  clock(options: { readonly offset: () => number; readonly gate: Effect.Effect<void> }): Clock.Clock {
    const millis = () => this.now + options.offset()
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: () => nanosOf(millis()),
      currentTimeNanos: Effect.sync(() => nanosOf(millis())),
      monotonicTimeNanosUnsafe: () => nanosOf(this.now),
      monotonicTimeNanos: Effect.sync(() => nanosOf(this.now)),
      sleep: (duration) => Effect.andThen(this.sleep(Duration.toMillis(duration)), options.gate),
    }
  }

  /** Runs an effect to its end; fails when nothing can go on, or when it goes on without end. */
  run<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    const scheduler = new Scheduler.MixedScheduler("async", (task) => {
      this.tasks.push(task)
      return () => {
        this.tasks = this.tasks.filter((other) => other !== task)
      }
    })
    const context = Context.empty().pipe(
      Context.add(Clock.Clock, this.clock({ offset: () => 0, gate: Effect.void })),
      Context.add(References.MinimumLogLevel, "None"),
      Context.add(Random.Random, {
        nextDoubleUnsafe: () => this.random.next(),
        nextIntUnsafe: () => Math.floor(this.random.next() * Number.MAX_SAFE_INTEGER),
      }),
    )
    let exit: Exit.Exit<A, E> | undefined
    const fiber = Effect.runForkWith(context)(effect, { scheduler })
    fiber.addObserver((ended) => {
      exit = ended
    })
    while (exit === undefined) this.step()
    return exit
  }

  private step(): void {
    if (++this.steps > stepsMax) throw new Error(`live-lock: no end after ${stepsMax} steps`)
    if (this.tasks.length > 0) {
      const index = this.tasks.length === 1 ? 0 : Math.floor(this.random.next() * this.tasks.length)
      const [task] = this.tasks.splice(index, 1)
      task!()
      return
    }
    const sleeper = this.pop()
    if (sleeper === undefined) throw new Error("dead-lock: nothing runs and nothing waits for time")
    this.now = Math.max(this.now, sleeper.at)
    sleeper.wake()
  }

  private push(sleeper: Sleeper): void {
    const heap = this.sleepers
    heap.push(sleeper)
    let child = heap.length - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!before(heap[child]!, heap[parent]!)) return
      ;[heap[parent], heap[child]] = [heap[child]!, heap[parent]!]
      child = parent
    }
  }

  private pop(): Sleeper | undefined {
    for (;;) {
      const heap = this.sleepers
      const first = heap[0]
      if (first === undefined) return undefined
      const last = heap.pop()!
      if (heap.length > 0) {
        heap[0] = last
        this.sink()
      }
      if (!first.cancelled) return first
    }
  }

  private sink(): void {
    const heap = this.sleepers
    let parent = 0
    for (;;) {
      let least = parent
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
      }
      if (least === parent) return
      ;[heap[parent], heap[least]] = [heap[least]!, heap[parent]!]
      parent = least
    }
  }
}

/** Virtual milliseconds have fractions. */
const nanosOf = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1_000)) * 1_000n

const before = (left: Sleeper, right: Sleeper): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order)
