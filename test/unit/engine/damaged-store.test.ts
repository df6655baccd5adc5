import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { Address, Checkpoint, History, JournalRecord } from "../../../engine/index.ts"
import { makeLog } from "../../../engine/memory/log.ts"
import {
  type Deployment,
  deployed,
  eventually,
  implementation,
  outcomeOf,
  type TestNode,
  tenant,
} from "../../support/deployment.ts"
import { Recorder, RecorderProtocol } from "../../support/recorder.ts"

const recorder = implementation(Recorder)

const note = (node: TestNode, key: string, line: string) =>
  outcomeOf(node.engine.ask(RecorderProtocol, key, { _tag: "Note", line }, { tenant }))
const read = (node: TestNode, key: string) =>
  outcomeOf(node.engine.ask(RecorderProtocol, key, { _tag: "Read" }, { tenant }))
const stateOf = (node: TestNode, partition: number) =>
  Effect.map(node.engine.status, ({ partitions }) => partitions[partition]!)

/** Notes ten lines in each partition, one record each, and ends the node. */
const lived = (deployment: Deployment) =>
  Effect.gen(function* () {
    const node = yield* deployment.start([recorder])
    const keys = [0, 1].map((partition) => deployment.keyIn(partition, "recorder"))
    for (let index = 0; index < 10; index++) {
      for (const key of keys) yield* note(node, key, `line ${index}`)
    }
    yield* node.crash
    return keys as [string, string]
  })

/** What has to hold once partition 0 is damaged at a sequence; answers after a second node found the same. */
const halts = (deployment: Deployment, keys: readonly [string, string], sequence: number | undefined) =>
  Effect.gen(function* () {
    for (let life = 0; life < 2; life++) {
      const node = yield* deployment.start([recorder])
      const state = yield* stateOf(node, 0)
      expect(state).toMatchObject({ _tag: "Halted", ...(sequence === undefined ? {} : { sequence }) })
      if (sequence !== undefined) {
        expect((state as { readonly detail: string }).detail).toContain(`journal sequence ${sequence}`)
      }
      const refused = yield* Effect.flip(
        node.engine.ask(RecorderProtocol, keys[0], { _tag: "Read" }, { tenant }),
      )
      expect(refused).toMatchObject({ code: "PartitionHalted", kind: "defect", accepted: false })
      const other = yield* read(node, keys[1])
      expect(other).toMatchObject({ ok: { lines: expect.arrayContaining(["line 9"]) } })
      // It stays stopped: nobody tries again and steps over it.
      yield* Effect.sleep(20_000)
      expect((yield* stateOf(node, 0))._tag).toBe("Halted")
      // Another node hears of it, and refuses at once as well.
      const second = yield* deployment.start([recorder], { owns: false, ready: false })
      yield* Effect.sleep(1_000)
      expect(yield* read(second, keys[0])).toEqual({ code: "PartitionHalted" })
      yield* second.crash
      yield* node.crash
    }
  })

const records = (deployment: Deployment) => deployment.stores.journal.messages(0)

describe("a partition whose journal is damaged", () => {
  it(
    "stops at a record with a flipped bit, tells where, and goes on in no later life either",
    deployed((deployment) =>
      Effect.gen(function* () {
        const keys = yield* lived(deployment)
        const index = 5
        const { sequence, data } = records(deployment)[index]!
        const damaged = data.slice()
        damaged[damaged.length >> 1]! ^= 4
        records(deployment)[index] = { ...records(deployment)[index]!, data: damaged }
        yield* halts(deployment, keys, sequence)
        const address = { tenant, kind: "recorder", key: keys[0] }
        const history = History.read(makeLog(deployment.stores.journal), deployment.partitions, address)
        expect(yield* Effect.scoped(Effect.flip(history))).toMatchObject({ _tag: "CorruptRecord", sequence })
      }),
    ),
  )

  it(
    "stops where records are missing in the middle, and at the beginning",
    deployed((deployment) =>
      Effect.gen(function* () {
        const keys = yield* lived(deployment)
        const after = records(deployment)[6]!.sequence
        const [missing] = records(deployment).splice(5, 1)
        yield* halts(deployment, keys, after)
        records(deployment).splice(5, 0, missing!)
        const first = records(deployment).shift()!
        yield* halts(deployment, keys, records(deployment)[0]!.sequence)
        // Whole again, it works again.
        records(deployment).unshift(first)
        const node = yield* deployment.start([recorder])
        expect(yield* note(node, keys[0], "on")).toEqual({ ok: { count: 11 } })
      }),
    ),
  )

  it(
    "stops at a record that is missing where its messages have to be sent again",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const node = yield* deployment.start([recorder])
          const [from, to] = [deployment.keyIn(0, "recorder"), deployment.keyIn(1, "recorder")]
          // What is sent to partition 1 stays in the outbox: its mailbox takes nothing.
          const append = deployment.stores.mailbox.append.bind(deployment.stores.mailbox)
          let refusing = true
          deployment.stores.mailbox.append = (partition, data, expected) =>
            refusing && partition === 1 ? (undefined as never) : append(partition, data, expected)
          for (const line of ["one", "two", "three"]) {
            yield* node.engine.ask(RecorderProtocol, from, { _tag: "Pass", to, line }, { tenant })
          }
          yield* Effect.sleep(3_000)
          yield* node.crash
          refusing = false
          const passed = records(deployment).findIndex(({ data }) =>
            new TextDecoder().decode(data).includes("passed one"),
          )
          const after = records(deployment)[passed + 1]!.sequence
          records(deployment).splice(passed, 1)
          const next = yield* deployment.start([recorder])
          expect(yield* stateOf(next, 0)).toMatchObject({ _tag: "Halted", sequence: after })
        }),
      { node: { limits: { checkpointEveryMs: 500 } } },
    ),
  )

  it(
    "stops at a record of a format that this node does not know",
    deployed((deployment) =>
      Effect.gen(function* () {
        const keys = yield* lived(deployment)
        const last = records(deployment).at(-1)!
        const head = { v: 99, id: "newer", owner: "newer", prev: last.sequence, at: 0 }
        const sequence = deployment.stores.journal.append(0, JournalRecord.encode(head, []), last.sequence)
        yield* halts(deployment, keys, sequence as number)
      }),
    ),
  )
})

describe("a partition whose checkpoint", () => {
  const limits = { checkpointEveryMs: 500, passivateAfterMs: 500 }
  const values = (deployment: Deployment) => deployment.stores.values.values
  const flip = (deployment: Deployment, key: string, index: number, bit = 0) => {
    const stored = values(deployment).get(key)!
    const value = stored.value.slice()
    value[index]! ^= 1 << bit
    values(deployment).set(key, { ...stored, value })
    return () => values(deployment).set(key, stored)
  }
  const checkpointed = (deployment: Deployment) =>
    Effect.gen(function* () {
      const keys = yield* lived(deployment)
      const node = yield* deployment.start([recorder])
      yield* note(node, keys[0], "more")
      yield* eventually(() => values(deployment).has(Checkpoint.headKey(0)))
      yield* Effect.sleep(2_000)
      yield* node.leave
      return keys
    })

  it(
    "is damaged stops instead of guessing",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const keys = yield* checkpointed(deployment)
          const part = [...values(deployment).keys()].find(
            (key) => key.startsWith("checkpoint/0/") && key !== Checkpoint.headKey(0),
          )!
          const mend = flip(deployment, part, 10)
          yield* halts(deployment, keys, undefined)
          mend()
          const node = yield* deployment.start([recorder])
          expect(yield* note(node, keys[0], "on")).toEqual({ ok: { count: 12 } })
        }),
      { node: { limits } },
    ),
  )

  it(
    "has lost a part stops too",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const keys = yield* checkpointed(deployment)
          for (const key of values(deployment).keys()) {
            if (key.startsWith("checkpoint/0/") && key !== Checkpoint.headKey(0))
              values(deployment).delete(key)
          }
          yield* halts(deployment, keys, undefined)
        }),
      { node: { limits } },
    ),
  )

  it(
    "has a head that is no JSON, or says something else, stops or still knows everything",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const keys = yield* checkpointed(deployment)
          const head = Checkpoint.headKey(0)
          const stored = values(deployment).get(head)!
          for (let index = 0; index < stored.value.length; index += 3) {
            const before = new Map(values(deployment))
            flip(deployment, head, index, index % 7)
            const node = yield* deployment.start([recorder])
            const state = yield* stateOf(node, 0)
            if (state._tag === "Live") {
              const found = yield* read(node, keys[0])
              expect(found, `byte ${index}`).toMatchObject({ ok: { lines: { length: 11 } } })
            } else expect(state._tag, `byte ${index}`).toBe("Halted")
            yield* node.crash
            values(deployment).clear()
            for (const [key, value] of before) values(deployment).set(key, value)
            values(deployment).set(head, stored)
          }
        }),
      { node: { limits } },
    ),
  )

  it(
    "and snapshots are deleted is rebuilt from its journal alone, to the same state, timers and answers",
    deployed(
      (deployment) =>
        Effect.gen(function* () {
          const node = yield* deployment.start([recorder])
          const key = deployment.keyIn(0, "recorder")
          const ask = (
            on: TestNode,
            command: (typeof RecorderProtocol)["Command"],
            idempotencyKey?: string,
          ) =>
            on.engine.ask(RecorderProtocol, key, command, {
              tenant,
              ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
            })
          const other = deployment.keyIn(1, "recorder")
          for (let index = 0; index < 10; index++) {
            yield* ask(node, { _tag: "Note", line: `line ${index}` })
            yield* ask(node, { _tag: "Pass", to: other, line: `passed ${index}` })
            yield* Effect.sleep(300)
          }
          const answer = yield* ask(node, { _tag: "Note", line: "keyed" }, "k")
          yield* ask(node, { _tag: "Arm", id: "r", due: { afterMs: 60_000 } })
          yield* Effect.sleep(2_000)
          const before = yield* read(node, key)
          const beforeOther = yield* read(node, other)
          yield* node.leave
          values(deployment).clear()
          const rebuilt = yield* deployment.start([recorder])
          expect(yield* read(rebuilt, key)).toEqual(before)
          expect(yield* ask(rebuilt, { _tag: "Note", line: "keyed" }, "k")).toEqual(answer)
          // What was sent is sent again and recognised.
          expect(yield* read(rebuilt, other)).toEqual(beforeOther)
          yield* Effect.sleep(70_000)
          const lines = (yield* ask(rebuilt, { _tag: "Read" })) as { readonly lines: ReadonlyArray<string> }
          expect(lines.lines.at(-1)).toBe("rang r")
          expect(Address.partitionOf(`t/recorder/${key}`, 2)).toBe(0)
        }),
      { node: { limits } },
    ),
  )
})
