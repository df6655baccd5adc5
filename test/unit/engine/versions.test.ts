import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { Address, accept, define, History } from "../../../engine/index.ts"
import { makeLog } from "../../../engine/memory/log.ts"
import { command, protocol } from "../../../schemas/index.ts"
import { deployed, implementation, outcomeOf, tenant } from "../../support/deployment.ts"

/** A counter that counted in `by`, kept `total`. */
const FirstProtocol = protocol({
  kind: "counter",
  version: 1,
  commands: {
    Add: command({ by: Schema.Int }, Schema.Struct({ total: Schema.Int })),
    Read: command({}, Schema.Struct({ total: Schema.Int })),
  },
})
const First = define(FirstProtocol, {
  state: Schema.Struct({ total: Schema.Int }),
  events: { Added: { by: Schema.Int } },
  initial: () => ({ total: 0 }),
  decide: {
    Add: ({ total }, { by }) => accept({ events: [{ _tag: "Added", by }], reply: { total: total + by } }),
    Read: ({ total }) => accept({ reply: { total } }),
  },
  evolve: { Added: ({ total }, { by }) => ({ total: total + by }) },
})

/** The same counter in a later version: other names everywhere, and it counts in tenths. */
const SecondProtocol = protocol({
  kind: "counter",
  version: 2,
  commands: {
    Increase: command({ tenths: Schema.Int }, Schema.Struct({ tenths: Schema.Int })),
    Show: command({}, Schema.Struct({ tenths: Schema.Int })),
  },
})
const Second = define(SecondProtocol, {
  state: Schema.Struct({ tenths: Schema.Int }),
  events: { Increased: { tenths: Schema.Int } },
  initial: () => ({ tenths: 0 }),
  decide: {
    Increase: (state, { tenths }) =>
      accept({ events: [{ _tag: "Increased", tenths }], reply: { tenths: state.tenths + tenths } }),
    Show: ({ tenths }) => accept({ reply: { tenths } }),
  },
  evolve: { Increased: (state, { tenths }) => ({ tenths: state.tenths + tenths }) },
  upcast: {
    command: (body) =>
      body._tag === "Add"
        ? { _tag: "Increase", tenths: (body.by as number) * 10 }
        : { ...body, _tag: "Show" },
    event: (body) => ({ _tag: "Increased", tenths: (body.by as number) * 10 }),
    state: (state) => ({ tenths: (state as { readonly total: number }).total * 10 }),
  },
})

const first = implementation(First)
const second = implementation(Second)
const limits = { checkpointEveryMs: 500, passivateAfterMs: 60_000 }

describe("a newer version of an actor kind", () => {
  for (const [what, pauseMs] of [
    ["events", 0],
    ["a snapshot", 3_000],
  ] as const) {
    it(
      `goes on from ${what} that the older one wrote`,
      deployed(
        (deployment) =>
          Effect.gen(function* () {
            const old = yield* deployment.start([first])
            for (const by of [3, 4])
              yield* old.engine.ask(FirstProtocol, "a", { _tag: "Add", by }, { tenant })
            yield* Effect.sleep(pauseMs)
            yield* old.engine.ask(FirstProtocol, "a", { _tag: "Add", by: 1 }, { tenant })
            yield* old.crash
            const { engine } = yield* deployment.start([second])
            const shown = engine.ask(SecondProtocol, "a", { _tag: "Show" }, { tenant })
            expect(yield* shown).toEqual({ tenths: 80 })
            yield* engine.ask(SecondProtocol, "a", { _tag: "Increase", tenths: 5 }, { tenant })
            expect(yield* shown).toEqual({ tenths: 85 })
            const journal = makeLog(deployment.stores.journal)
            const address = { tenant, kind: "counter", key: "a" }
            const { entries } = yield* History.read(journal, deployment.partitions, address)
            expect(History.fold(second.kind, address, entries).state).toEqual({ tenths: 85 })
            expect(Address.format(address)).toBe(entries[0]!.entry.to)
          }),
        { node: { limits } },
      ),
    )
  }

  it(
    "understands commands that older senders write, also those that wait in the mailbox",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const sender = yield* deployment.start([first], { owns: false, ready: false })
          yield* sender.engine.tell(FirstProtocol, "a", { _tag: "Add", by: 2 }, { tenant })
          const { engine } = yield* deployment.start([second])
          yield* sender.engine.tell(FirstProtocol, "a", { _tag: "Add", by: 3 }, { tenant })
          expect(yield* engine.ask(SecondProtocol, "a", { _tag: "Show" }, { tenant })).toEqual({ tenths: 50 })
        }),
      { node: { limits } },
    ),
  )

  it(
    "is not understood by the older one: its commands are refused, its state is not touched",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const older = yield* deployment.start([first])
          const increase = { _tag: "Increase", tenths: 5 } as const
          expect(yield* outcomeOf(older.engine.ask(SecondProtocol, "a", increase, { tenant }))).toEqual({
            code: "UnknownVersion",
          })
          yield* older.leave
          const newer = yield* deployment.start([second])
          yield* newer.engine.ask(SecondProtocol, "a", increase, { tenant })
          yield* newer.engine.ask(SecondProtocol, "a", increase, { tenant })
          yield* newer.leave
          // Rolled back by mistake: the older one cannot read what it finds, says so, and leaves it as it is.
          const back = yield* deployment.start([first])
          const read = back.engine.ask(FirstProtocol, "a", { _tag: "Read" }, { tenant })
          expect(yield* outcomeOf(read)).toEqual({ code: "ActorFailed" })
          yield* Effect.sleep(3_000)
          yield* back.leave
          const again = yield* deployment.start([second])
          expect(yield* again.engine.ask(SecondProtocol, "a", { _tag: "Show" }, { tenant })).toEqual({
            tenths: 10,
          })
        }),
      { node: { limits } },
    ),
  )
})
