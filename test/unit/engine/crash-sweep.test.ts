import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { kinds } from "../../../actors/index.ts"
import type { ActivityRun } from "../../../engine/index.ts"
import {
  type CrashSweepOptions,
  type CrashSweepStep,
  crashSweep,
} from "../../../engine/testkit/crash-sweep.ts"
import { CepRuleProtocol, LockProtocol, type RuleDocument } from "../../../schemas/index.ts"
import { Account, AccountProtocol } from "../../support/account.ts"
import { changed, implementation } from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const times = new Set(["createdAt", "updatedAt", "at"])
/** What is the same whenever it happened. */
const timeless = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (name, part) => (times.has(name) ? 0 : part)))

const account = (key: string, command: (typeof AccountProtocol)["Command"]): CrashSweepStep => ({
  protocol: AccountProtocol,
  key,
  command,
})
const transfers: CrashSweepOptions = {
  implementations: [implementation(Account)],
  steps: [
    account("a", { _tag: "Deposit", amount: 10 }),
    account("a", { _tag: "Transfer", amount: 3, to: "b", transfer: "t1" }),
    account("a", { _tag: "Transfer", amount: 30, to: "b", transfer: "t2" }),
    account("c", { _tag: "Crash" }),
    { ...account("b", { _tag: "Transfer", amount: 2, to: "c", transfer: "t3" }), afterMs: 1_500 },
    { ...account("a", { _tag: "Read" }), afterMs: 700 },
    account("b", { _tag: "Read" }),
    account("c", { _tag: "Read" }),
  ],
}

describe("a node that dies at any step", () => {
  it("leaves accounts whose transfers were done once each", () => {
    const { violations, outcome, operations, runs } = crashSweep(transfers)
    expect(violations).toEqual([])
    expect(outcome.answers.slice(-3)).toEqual([
      { ok: { balance: 7, handled: 2 } },
      { ok: { balance: 1, handled: 2 } },
      { ok: { balance: 2, handled: 1 } },
    ])
    expect(outcome.answers[2]).toEqual({ rejected: { _tag: "InsufficientFunds", balance: 7 } })
    expect(outcome.deadLetters).toEqual(["sweep/account/c ActorFailed"])
    // Every port takes part: reading and writing logs, snapshots and checkpoints.
    for (const one of ["append", "last", "open", "take", "trim", "getMany", "putMany", "removeMany"]) {
      expect(operations).toContain(one)
    }
    expect(runs).toBe(2 * operations.length + 1)
  })

  it("leaves timers, activities and answers that come later as if nothing had been", () => {
    const say = (command: (typeof RecorderProtocol)["Command"], afterMs = 0): CrashSweepStep => ({
      protocol: RecorderProtocol,
      key: "a",
      command,
      afterMs,
    })
    const work = (task: string, run: ActivityRun) =>
      Effect.gen(function* () {
        for (let step = run.progressed; step < 2; step++) {
          yield* Effect.sleep(150)
          yield* run.emit(step)
        }
        return task
      })
    const { violations, outcome } = crashSweep({
      implementations: [implementation(Recorder, { work: work as never })],
      steps: [
        say({ _tag: "Note", line: "one" }),
        say({ _tag: "Refuse" }),
        say({ _tag: "Run", id: "r", task: "worked" }),
        say({ _tag: "Arm", id: "t", due: { afterMs: 4_000 } }),
        say({ _tag: "Arm", id: "cleared", due: { afterMs: 60_000 } }),
        say({ _tag: "Disarm", id: "cleared" }),
      ],
      settleMs: 8_000,
      viewState: (state) =>
        [...(state as { readonly lines: ReadonlyArray<string> }).lines].map((line) =>
          line.replace(" late", ""),
        ),
    })
    expect(violations).toEqual([])
    expect(outcome.states).toEqual({
      "sweep/recorder/a": ["one", "progress r: 0", "progress r: 1", "settled r: worked", "rang t"],
    })
  })

  it("leaves a lock that is granted in order, with tokens that only grow", () => {
    const acquire = (owner: string, waitMs: number, ttlMs: number): CrashSweepStep => ({
      protocol: LockProtocol,
      key: "l",
      command: { _tag: "Acquire", owner, waitMs, ttlMs } as never,
    })
    const { violations, outcome } = crashSweep({
      implementations: kinds.map((kind) => implementation(kind)),
      steps: [
        acquire("ann", 0, 4_000),
        acquire("bob", 0, 1_000),
        // Granted when ann's time is over.
        acquire("cid", 30_000, 60_000),
        { protocol: LockProtocol, key: "l", command: { _tag: "Release", owner: "ann", fence: 1 } as never },
        { protocol: LockProtocol, key: "l", command: { _tag: "Release", owner: "cid", fence: 2 } as never },
      ],
      viewState: (state) => {
        const { fence, tickets, holder, waiting } = state as {
          readonly [key: string]: { readonly owner?: string } & ReadonlyArray<unknown>
        }
        return { fence, tickets, holder: holder?.owner, waiting: waiting?.length }
      },
      viewAnswer: (answer) =>
        JSON.parse(JSON.stringify(answer, (key, value) => (key === "expiresAt" ? 0 : value))),
    })
    expect(violations).toEqual([])
    expect(outcome.answers).toEqual([
      { ok: { _tag: "Granted", fence: 1, expiresAt: 0 } },
      { ok: { _tag: "TimedOut" } },
      { ok: { _tag: "Granted", fence: 2, expiresAt: 0 } },
      { rejected: { _tag: "NotHolder", holder: "cid" } },
      {},
    ])
    expect(outcome.states).toEqual({ "sweep/lock/l": { fence: 2, tickets: 1, waiting: 0 } })
  })

  it("leaves a rule whose changes each have one number, and whose newest one is in its lane", () => {
    const document: RuleDocument = {
      name: "cpu",
      trigger: { type: "metric", metric: "cpu" },
      condition: "value > 80.0",
    }
    const ofRule = {
      index: (input: unknown) => Effect.succeed({ number: (input as { readonly number: number }).number }),
      announce: () => Effect.succeed({ lane: 0, sequence: 7, at: 0 }),
      append: () => Effect.succeed({}),
    }
    const command = (body: unknown): CrashSweepStep => ({
      protocol: CepRuleProtocol,
      key: "r",
      command: body as never,
    })
    const { violations, outcome } = crashSweep({
      implementations: kinds.map((kind) =>
        implementation(kind, kind.protocol.kind === "cep-rule" ? ofRule : {}),
      ),
      steps: [
        command({ _tag: "Define", document }),
        command({ _tag: "Disable" }),
        command({ _tag: "Enable" }),
        { ...command({ _tag: "Define", document: { ...document, name: "busy" } }), afterMs: 800 },
        { ...command({ _tag: "Read" }), afterMs: 800 },
      ],
      viewState: timeless,
      viewAnswer: timeless,
    })
    expect(violations).toEqual([])
    expect(outcome.answers[4]).toMatchObject({
      ok: { version: 2, number: 4, live: { sequence: 7 }, document: { name: "busy", enabled: true } },
    })
  })
})

describe("the sweep itself", () => {
  it("gives the same report for the same options", () => {
    const short = { ...transfers, steps: transfers.steps.slice(0, 2) }
    expect(crashSweep(short)).toEqual(crashSweep(short))
  })

  it("notices an actor that does not keep what it answered with: its state is beside its journal", () => {
    let total = 0
    const forgetful = changed(Account, {
      decide: {
        ...changed(Account).decide,
        Deposit: (_state, command) => {
          total += (command as unknown as { readonly amount: number }).amount
          return { _tag: "Accepted", reply: { balance: total, handled: 1 } }
        },
      },
    })
    const { violations } = crashSweep({
      implementations: [implementation(forgetful)],
      steps: [account("a", { _tag: "Deposit", amount: 10 }), account("a", { _tag: "Deposit", amount: 10 })],
    })
    expect(violations.length).toBeGreaterThan(0)
  })
})
