/** What holds for every actor kind: what is written is read as it was, and a journal folds the same from any cut. */
import { it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import { kinds as actorKinds, seedBuiltins } from "../../../actors/index.ts"
import type { AnyKind, EngineShape } from "../../../engine/index.ts"
import {
  AgentProtocol,
  type AnyProtocol,
  CepRuleProtocol,
  ChatSessionProtocol,
  LockProtocol,
  NotificationProtocol,
  OpsPlanProtocol,
  type PlainCodec,
} from "../../../schemas/index.ts"
import { notificationOf } from "../../support/notified.ts"
import { ask, type Product, tenant, withProduct } from "../../support/product.ts"

const kinds: ReadonlyArray<AnyKind> = actorKinds

const schemasOf = (kind: AnyKind): ReadonlyArray<readonly [name: string, schema: PlainCodec]> => {
  const protocol: AnyProtocol = kind.protocol
  const tagged = (what: string, map: Readonly<Record<string, Schema.Struct.Fields>>) =>
    Object.entries(map).map(
      ([tag, fields]) =>
        [`${what} ${tag}`, Schema.TaggedStruct(tag, fields) as unknown as PlainCodec] as const,
    )
  const commands = Object.entries(protocol.commands) as ReadonlyArray<
    [string, { readonly fields: Schema.Struct.Fields; readonly reply: PlainCodec }]
  >
  return [
    ...tagged("command", Object.fromEntries(commands.map(([tag, { fields }]) => [tag, fields]))),
    ...tagged("event", kind.events),
    ...tagged("rejection", protocol.rejections),
    ...commands
      .filter(([tag]) => protocol.answersLater.has(tag))
      .map(([tag, { reply }]) => [`answer to ${tag}`, reply] as const),
    ["state", kind.state],
  ]
}

describe("encode and decode", () => {
  for (const kind of kinds) {
    for (const [name, schema] of schemasOf(kind)) {
      it.effect(`are inverse for ${kind.protocol.kind}: ${name}`, () =>
        Effect.gen(function* () {
          const [encode, decode] = [Schema.encodeUnknownSync(schema), Schema.decodeUnknownSync(schema)]
          const result = yield* Arbitrary.checkEffect(
            Arbitrary.schema(schema),
            (value) => {
              if (hasEscapedName(value)) return true
              expect(decode(JSON.parse(JSON.stringify(encode(value))))).toEqual(plain(value))
              return true
            },
            { runs: 60, size: 20 },
          )
          expect(Arbitrary.formatCheckFailure(result)).toBeUndefined()
        }),
      )
    }
  }
})

/**
 * V8 up to 14 reads a name that needs escapes as another such name now and then: what `JSON.parse` gives is no evidence there.
 * No name of ours needs any.
 */
const hasEscapedName = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([name, held]) => JSON.stringify(name) !== `"${name}"` || hasEscapedName(held))

/** JSON knows no negative zero and no property named `__proto__`. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Some of everything, over more than one checkpoint. */
const life = Effect.fnUntraced(function* (product: Product, engine: EngineShape) {
  yield* seedBuiltins(engine, tenant)
  const cpu = (value: number) => [
    { name: "host_cpu_usage_percent", labels: { host: "web" }, value, at: product.time.now },
  ]
  yield* product.publish(cpu(50))
  yield* ask(engine, ChatSessionProtocol, "one", { _tag: "Open", agentId: "guide", title: "", owner: "ann" })
  for (const [index, content] of [
    "hello",
    "what is the CPU usage now",
    "which alerts were there",
  ].entries()) {
    yield* ask(engine, ChatSessionProtocol, "one", { _tag: "Say", messageId: `m${index}`, content })
    yield* ask(engine, CepRuleProtocol, "host-cpu-high", { _tag: index === 1 ? "Enable" : "Disable" })
    for (const value of [90, 95, 20]) {
      yield* Effect.sleep(6_000)
      yield* product.publish(cpu(value))
    }
    yield* ask(engine, LockProtocol, "one", { _tag: "Acquire", owner: `o${index}`, waitMs: 0, ttlMs: 10_000 })
  }
  yield* ask(engine, NotificationProtocol, "one", { _tag: "Deliver", notification: notificationOf("one") })
  yield* ask(engine, NotificationProtocol, "one", { _tag: "Test", by: "ann" })
  yield* ask(engine, OpsPlanProtocol, "one", { _tag: "Ask", question: "which services depend on it" })
  yield* ask(engine, AgentProtocol, "ops", { _tag: "Execute", task: "max memory in the last hour" })
  yield* Effect.sleep(1_000)
})

/** The events of every actor, encoded, in order. */
const histories = (product: Product): ReadonlyMap<string, ReadonlyArray<{ readonly _tag: string }>> => {
  const found = new Map<string, Array<{ readonly _tag: string }>>()
  for (const { to, events } of product.entries()) {
    const history = found.get(to) ?? []
    history.push(...((events ?? []) as ReadonlyArray<{ readonly _tag: string }>))
    found.set(to, history)
  }
  return found
}

describe("the journal", () => {
  it(
    "folds to the same state from any snapshot and the tail after it",
    withProduct((product) =>
      Effect.gen(function* () {
        yield* life(product, (yield* product.start()).engine)
        const seen = new Set<string>()
        for (const [address, history] of histories(product)) {
          const [, name, key] = address.split("/") as [string, string, string]
          const kind = kinds.find(({ protocol }) => protocol.kind === name)!
          const step = (state: unknown, event: { readonly _tag: string }) => {
            seen.add(`${name} ${event._tag}`)
            return kind.evolve[event._tag]!(state, kind.codec.event[event._tag]!.decode(event) as never)
          }
          const throughSnapshot = (state: unknown) =>
            kind.codec.state.decode(plain(kind.codec.state.encode(state)))
          const states = [kind.initial(key) as unknown]
          for (const event of history) states.push(step(states.at(-1), event))
          for (let cut = 0; cut <= history.length; cut += Math.max(1, Math.floor(history.length / 12))) {
            const rebuilt = history.slice(cut).reduce(step, throughSnapshot(states[cut]))
            expect(plain(rebuilt)).toEqual(plain(states.at(-1)))
          }
        }
        for (const wanted of [
          "agent Ended",
          "cep-rule Announced",
          "chat-session AgentChanged",
          "lock Freed",
          "ops-plan Ended",
        ]) {
          expect(seen).toContain(wanted)
        }
      }),
    ),
  )

  it(
    "gives the same answers after a crash as before it",
    withProduct((product) =>
      Effect.gen(function* () {
        const reads = (engine: EngineShape) =>
          Effect.all([
            ask(engine, ChatSessionProtocol, "one", { _tag: "Read", after: 0 }),
            ask(engine, ChatSessionProtocol, "one", { _tag: "Read" }),
            ask(engine, AgentProtocol, "ops", { _tag: "Describe" }),
            ask(engine, AgentProtocol, "ops", { _tag: "RecentAlerts" }),
            ask(engine, CepRuleProtocol, "host-cpu-high", { _tag: "Read" }),
            ask(engine, OpsPlanProtocol, "one", { _tag: "Read" }),
          ])
        const first = yield* product.start()
        yield* life(product, first.engine)
        const before = yield* reads(first.engine)
        yield* first.crash
        const second = yield* product.start()
        expect(yield* reads(second.engine)).toEqual(before)
      }),
    ),
  )

  it(
    "holds one effect of a command that is delivered twice",
    withProduct((product) =>
      Effect.gen(function* () {
        const { engine, crash } = yield* product.start()
        yield* seedBuiltins(engine, tenant)
        const open = { _tag: "Open", agentId: "guide", title: "", owner: "ann" } as const
        const take = { _tag: "Acquire", owner: "a", waitMs: 0, ttlMs: 60_000 } as const
        const all = (on: typeof engine) =>
          Effect.all([
            ask(on, ChatSessionProtocol, "one", open, { idempotencyKey: "1" }),
            ask(on, LockProtocol, "one", take, { idempotencyKey: "2" }),
            ask(on, CepRuleProtocol, "host-cpu-high", { _tag: "Disable" }, { idempotencyKey: "3" }),
            ask(on, OpsPlanProtocol, "one", { _tag: "Ask", question: "help" }, { idempotencyKey: "4" }),
            ask(on, AgentProtocol, "ops", { _tag: "Execute", task: "help" }, { idempotencyKey: "5" }),
          ])
        const first = yield* all(engine)
        const size = () => [...histories(product)].map(([address, { length }]) => [address, length])
        const before = size()
        expect(yield* all(engine)).toEqual(first)
        yield* crash
        const next = yield* product.start()
        expect(yield* all(next.engine)).toEqual(first)
        expect(size().toSorted()).toEqual(before.toSorted())
      }),
    ),
  )
})
