/**
 * One node of a deployment: takes callers' commands, owns its share of the partitions, and hands them over when nodes
 * come and go. All it knows is rebuilt from the ports, so it may die at any moment.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { AnyProtocol, ReplyOf } from "../schemas/index.ts"
import * as Address from "./address.ts"
import * as Asks from "./asks.ts"
import * as DeterministicRandom from "./deterministic-random.ts"
import { CorruptRecord, EngineError, OwnershipLost, Rejected } from "./errors.ts"
import { KeyValue } from "./key-value.ts"
import * as Limits from "./limits.ts"
import { DeadLetters, Journal, Mailbox } from "./log.ts"
import { type Implementation, own } from "./owner.ts"
import type { Partition } from "./partition.ts"
import { type Beat, Membership, shares } from "./placement.ts"
import * as SenderModule from "./sender.ts"
import { Signals } from "./signals.ts"
import * as TraceContext from "./trace-context.ts"

export interface CallOptions {
  readonly tenant: string
  /** The same key gives the same answer, whatever happened in between. */
  readonly idempotencyKey?: string
  readonly principal?: string
  /** W3C traceparent; the current span's when absent. */
  readonly trace?: string
  readonly timeoutMs?: number
}

export type PartitionState =
  | { readonly _tag: "Elsewhere"; readonly node: string | undefined }
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Live"; readonly partition: Partition }
  | { readonly _tag: "Draining" }
  /** Stopped at a record that cannot be read: a person has to look. */
  | { readonly _tag: "Halted"; readonly detail: string; readonly sequence: number | undefined }

export interface NodeStatus {
  readonly node: string
  readonly members: ReadonlyArray<string>
  readonly partitions: ReadonlyArray<PartitionState>
  readonly pendingAsks: number
  readonly waitingCommands: number
}

export interface EngineShape {
  /** Sends a command and waits for the actor's answer, which comes after both are durable. */
  readonly ask: <P extends AnyProtocol, const C extends P["Command"]>(
    protocol: P,
    key: string,
    command: C,
    options: CallOptions,
  ) => Effect.Effect<ReplyOf<P, C["_tag"]>, Rejected | EngineError>
  /** Sends a command; done once it is durably in the actor's mailbox. */
  readonly tell: <P extends AnyProtocol>(
    protocol: P,
    key: string,
    command: P["Command"],
    options: CallOptions,
  ) => Effect.Effect<void, EngineError>
  /**
   * `ask` without Effect, types and checks, for callers that do tens of thousands a second; `body` is encoded. Calls
   * `done` once, synchronously when the command is refused at once.
   */
  readonly submit: (
    to: string,
    version: number,
    body: { readonly _tag: string },
    options: CallOptions,
    done: (result: Asks.AskResult) => void,
  ) => void
  /** Calls `handle` with what actors signal under a topic, on whatever node, until the scope closes. Lossy. */
  readonly listen: (topic: string, handle: (body: unknown) => void) => Effect.Effect<void, never, Scope.Scope>
  readonly status: Effect.Effect<NodeStatus>
  /** Refuses new commands, finishes what was taken, hands all partitions over. Idempotent. */
  readonly drain: Effect.Effect<void>
}

export class Engine extends Context.Service<Engine, EngineShape>()("millrace/engine/Engine") {}

export interface NodeOptions {
  readonly partitions: number
  /** Unique per life of a node: a restarted node has another one. */
  readonly incarnation: string
  readonly implementations: ReadonlyArray<Implementation>
  readonly limits?: Partial<Limits.Limits>
  /** False for a node that only sends commands and never owns a partition. Default: true. */
  readonly owns?: boolean
}

interface Holding {
  readonly fiber: Fiber.Fiber<void>
  readonly drain: Deferred.Deferred<void>
}

const drainTickMs = 20
const beatTopic = "beat"
const feedTopic = (topic: string): string => `feed.${topic}`
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const make = Effect.fnUntraced(function* (options: NodeOptions) {
  const limits = Limits.make(options.limits)
  const { partitions, incarnation } = options
  const [mailbox, journal, deadLetters] = [yield* Mailbox, yield* Journal, yield* DeadLetters]
  const [keyValue, signals] = [yield* KeyValue, yield* Signals]
  const clock = yield* Clock.Clock
  // Closed after whatever its user adds later, so that a drain at the end still finds the partitions at work.
  const owning = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(owning, exit))
  const random = DeterministicRandom.make(incarnation)
  const asks = yield* Asks.make({ node: incarnation, signals, limits })
  const sender = yield* SenderModule.make({ mailbox, partitions, incarnation, limits })
  const running = Semaphore.makeUnsafe(limits.activitiesRunningMax)
  const writing = Semaphore.makeUnsafe(limits.writesInFlightMax)
  const checkpointing = Semaphore.makeUnsafe(1)
  const implementations = new Map(options.implementations.map((one) => [one.kind.protocol.kind, one]))
  const owns = options.owns ?? true
  const membership = new Membership(incarnation, limits.suspectAfterMs)
  const states: Array<PartitionState> = Array.from({ length: partitions }, () => ({
    _tag: "Elsewhere",
    node: undefined,
  }))
  const holdings = new Map<number, Holding>()
  const notBefore = new Map<number, number>()
  const changed = Latch.makeUnsafe()
  let leaving = false
  let ownerships = 0
  let commands = 0

  // ── callers ────────────────────────────────────────────────────────────────────────────────────────────────────

  const refuse = (code: EngineError["code"], detail: string, retryAfterMs?: number) =>
    new EngineError({
      code,
      detail,
      accepted: false,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })

  const submitTo = (
    to: string,
    version: number,
    body: { readonly _tag: string },
    call: CallOptions,
    wantsAnswer: boolean,
    done: (result: Asks.AskResult) => void,
  ): number | undefined => {
    if (leaving) {
      done(refuse("Draining", "this node is shutting down; another one serves", 1_000))
      return undefined
    }
    const partition = Address.partitionOf(to, partitions)
    const halted = haltedDetail(partition)
    if (halted !== undefined) {
      done(refuse("PartitionHalted", halted))
      return undefined
    }
    const ask = wantsAnswer ? asks.open(call.timeoutMs ?? limits.askTimeoutMs, done) : undefined
    if (wantsAnswer && ask === undefined) {
      done(refuse("Overloaded", `pendingAsksMax (${limits.pendingAsksMax}) is reached`, 1_000))
      return undefined
    }
    const rest = JSON.stringify({
      id: `${incarnation}-${++commands}`,
      to,
      version,
      body,
      trace: call.trace ?? freshTrace(),
      ...(call.principal === undefined ? {} : { principal: call.principal }),
      ...(call.idempotencyKey === undefined ? {} : { idempotencyKey: call.idempotencyKey }),
      ...(ask === undefined ? {} : { replyTo: { node: incarnation, ask } }),
    }).slice(1)
    const settle = (result: Asks.AskResult) => (ask === undefined ? done(result) : asks.close(ask, result))
    if (rest.length * 3 > limits.commandBytesMax && Buffer.byteLength(rest) > limits.commandBytesMax) {
      settle(
        new EngineError({
          code: "PayloadTooLarge",
          detail: `a command may have ${limits.commandBytesMax} bytes, this one has ${Buffer.byteLength(rest)}`,
          accepted: false,
          limit: "commandBytesMax",
        }),
      )
      return undefined
    }
    const offered = sender.offer(partition, {
      rest,
      done: (error) => {
        if (error !== undefined) settle(error)
        else if (ask === undefined) done({ ok: null })
      },
    })
    if (!offered) settle(refuse("Overloaded", `senderQueueMax (${limits.senderQueueMax}) is reached`, 1_000))
    return ask
  }

  /** Half of a fresh trace id is this life of the node, the other half a count: unique, and cheap. */
  const lifeId = random.uuid().replaceAll("-", "").slice(0, 16)
  const freshTrace = () => {
    const count = commands.toString(16).padStart(16, "0")
    return `00-${lifeId}${count}-${count}-01`
  }

  const haltedDetail = (partition: number): string | undefined => {
    const state = states[partition]!
    if (state._tag === "Halted") return state.detail
    return state._tag === "Elsewhere" && membership.others().some((beat) => beat.halted.includes(partition))
      ? `partition ${partition} is stopped at a record that cannot be read; see the owning node's health`
      : undefined
  }

  const call = Effect.fnUntraced(function* (
    protocol: AnyProtocol,
    key: string,
    command: { readonly _tag: string },
    options: CallOptions,
    wantsAnswer: boolean,
  ): Effect.fn.Return<Asks.AskResult, EngineError> {
    const address = { tenant: options.tenant, kind: protocol.kind, key }
    if (!Address.isAddress(address)) {
      return yield* refuse("MalformedAddress", `${Address.format(address)} is no address`)
    }
    const codec = protocol.codec.command[command._tag]
    if (codec === undefined) {
      return yield* refuse("UnknownCommand", `kind "${protocol.kind}" has no command "${command._tag}"`)
    }
    const body = yield* Effect.try({
      try: () => codec.encode(command) as { readonly _tag: string },
      catch: (cause) => refuse("MalformedCommand", `"${command._tag}": ${String(cause)}`),
    })
    const span = options.trace === undefined ? yield* Effect.option(Effect.currentSpan) : Option.none()
    const traced = Option.isSome(span)
      ? { ...options, trace: TraceContext.format({ traceId: span.value.traceId, spanId: span.value.spanId }) }
      : options
    return yield* Effect.callback<Asks.AskResult>((resume) => {
      const ask = submitTo(Address.format(address), protocol.version, body, traced, wantsAnswer, (result) =>
        resume(Effect.succeed(result)),
      )
      return Effect.sync(() => {
        if (ask !== undefined) asks.forget(ask)
      })
    })
  })

  const ask: EngineShape["ask"] = Effect.fnUntraced(function* (protocol, key, command, options) {
    const result = yield* call(protocol, key, command, options, true)
    if (result instanceof EngineError) return yield* result
    if ("ok" in result) {
      const reply = result.ok === null ? undefined : result.ok
      return protocol.codec.reply[command._tag]!.decode(reply) as never
    }
    if ("failed" in result) {
      return yield* new EngineError({
        code: result.failed.code as EngineError["code"],
        detail: result.failed.detail,
        accepted: true,
      })
    }
    const rejection = result.rejected as { readonly _tag: string }
    return yield* new Rejected({
      to: Address.format({ tenant: options.tenant, kind: protocol.kind, key }),
      rejection: protocol.codec.rejection[rejection._tag]!.decode(rejection),
    })
  })

  const tell: EngineShape["tell"] = Effect.fnUntraced(function* (protocol, key, command, options) {
    const result = yield* call(protocol, key, command, options, false)
    if (result instanceof EngineError) return yield* result
  })

  // ── ownership ──────────────────────────────────────────────────────────────────────────────────────────────────

  const hold = Effect.fnUntraced(function* (partition: number) {
    const drain = Deferred.makeUnsafe<void>()
    states[partition] = { _tag: "Starting" }
    const work = own({
      partition,
      partitions,
      owner: `${incarnation}.${++ownerships}`,
      implementations,
      limits,
      mailbox,
      journal,
      deadLetters,
      keyValue,
      sender,
      answer: asks.answer,
      flushAnswers: asks.flush,
      signal: (topic, body) => signals.publish(feedTopic(topic), encoder.encode(JSON.stringify(body))),
      running,
      writing,
      checkpointing,
      live: (live) => {
        states[partition] = { _tag: "Live", partition: live }
      },
      drain: Deferred.await(drain),
    })
    const ended = (exit: Exit.Exit<void, unknown>) =>
      Effect.gen(function* () {
        holdings.delete(partition)
        states[partition] = { _tag: "Elsewhere", node: undefined }
        if (exit._tag === "Failure") yield* failed(partition, exit.cause)
        changed.openUnsafe()
      })
    // Starts only once the holding is noted: an owner may end at once.
    const noted = Latch.makeUnsafe()
    const fiber = yield* Effect.forkIn(
      Effect.ignore(Effect.onExit(Effect.andThen(noted.await, work), ended)),
      owning,
    )
    holdings.set(partition, { fiber, drain })
    noted.openUnsafe()
  })

  /** What is passing is tried again after a pause; what is damaged stays where it is until a person has looked. */
  const failed = Effect.fnUntraced(function* (partition: number, cause: Cause.Cause<unknown>) {
    if (Cause.hasInterruptsOnly(cause)) return
    const error = Cause.squash(cause)
    const now = clock.currentTimeMillisUnsafe()
    if (error instanceof CorruptRecord) {
      states[partition] = { _tag: "Halted", detail: error.message, sequence: error.sequence }
      return yield* Effect.logError(error.message)
    }
    const lost = error instanceof OwnershipLost
    notBefore.set(
      partition,
      now + (lost ? limits.suspectAfterMs / 2 : 1) + limits.reloadBackoffMs * (1 + random.next()),
    )
    yield* lost
      ? Effect.logInfo(`partition ${partition} is owned elsewhere: ${error.detail}`)
      : Effect.logError(`partition ${partition} stopped and is loaded again`, cause)
  })

  const release = (partition: number, holding: Holding) => {
    if (states[partition]!._tag === "Live") states[partition] = { _tag: "Draining" }
    Deferred.doneUnsafe(holding.drain, Effect.void)
  }

  const beat = () => {
    const message: Beat = {
      node: incarnation,
      owned: [...holdings.keys()],
      halted: states.flatMap((state, partition) => (state._tag === "Halted" ? [partition] : [])),
      leaving: leaving || !owns,
    }
    signals.publish(beatTopic, encoder.encode(JSON.stringify(message)))
  }

  const place = Effect.fnUntraced(function* (now: number) {
    membership.expire(now)
    const wanted = shares(membership.eligible(leaving || !owns), partitions)
    const others = membership.others()
    for (let partition = 0; partition < partitions; partition++) {
      const holding = holdings.get(partition)
      const mine = wanted[partition] === incarnation
      if (holding !== undefined) {
        if (!mine) release(partition, holding)
        continue
      }
      const holder = others.find((other) => other.owned.includes(partition))
      const state = states[partition]!
      if (state._tag === "Elsewhere")
        states[partition] = { _tag: "Elsewhere", node: holder?.node ?? wanted[partition] }
      if (mine && holder === undefined && state._tag !== "Halted" && now >= (notBefore.get(partition) ?? 0)) {
        yield* hold(partition)
      }
    }
  })

  yield* signals.subscribe(beatTopic, (data) => {
    const heard = JSON.parse(decoder.decode(data)) as Beat
    // Only news: nodes that answered every beat with a beat would never stop.
    if (membership.hear(heard, clock.currentTimeMillisUnsafe())) changed.openUnsafe()
  })

  yield* Effect.forkScoped(
    Effect.gen(function* () {
      let quietUntil = clock.currentTimeMillisUnsafe() + limits.joinQuietMs
      let last = clock.currentTimeMillisUnsafe()
      for (;;) {
        const now = clock.currentTimeMillisUnsafe()
        if (now - last > limits.suspectAfterMs) {
          // This process was stopped: others have taken over, listen before taking anything back.
          membership.forgetAll()
          quietUntil = now + limits.joinQuietMs
        }
        last = now
        beat()
        if (now >= quietUntil) yield* place(now)
        changed.closeUnsafe()
        yield* Effect.raceFirst(changed.await, Effect.sleep(limits.heartbeatMs))
      }
    }),
  )

  const drain = Effect.gen(function* () {
    leaving = true
    beat()
    changed.openUnsafe()
    // What callers were promised an answer on goes into the mailboxes first; what is left then hears that it is unknown.
    const until = clock.currentTimeMillisUnsafe() + limits.publishBudgetMs
    while (sender.waiting() > 0 && clock.currentTimeMillisUnsafe() < until) yield* Effect.sleep(drainTickMs)
    for (const [partition, holding] of holdings) release(partition, holding)
    while (holdings.size > 0) yield* Effect.forEach([...holdings.values()], ({ fiber }) => Fiber.await(fiber))
    beat()
  })

  const engine: EngineShape = {
    ask,
    tell,
    submit: (to, version, body, call, done) => void submitTo(to, version, body, call, true, done),
    listen: (topic, handle) =>
      signals.subscribe(feedTopic(topic), (data) => handle(JSON.parse(decoder.decode(data)))),
    status: Effect.sync(() => ({
      node: incarnation,
      members: [incarnation, ...membership.others().map(({ node }) => node)],
      partitions: [...states],
      pendingAsks: asks.pending(),
      waitingCommands: sender.waiting(),
    })),
    drain,
  }
  return engine
})
