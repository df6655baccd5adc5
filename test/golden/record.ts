/**
 * `node test/golden/record.ts`: records a journal for every actor kind whose current version has none yet, and the states
 * to which that version folds the journals of older ones. Never writes over any: a recorded journal stands for what
 * deployments have stored, and has to fold for ever; a kind that got events within a version gets another part. The same for the state of a lane, by its format.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { Address, type AnyKind, History, JournalRecord } from "../../engine/index.ts"
import { Deployment, tenant } from "../support/deployment.ts"
import { laneFixture, laneStateFormat, laneStatesFolder } from "../unit/actors/cep/evaluator/stored-lane.ts"
import { eventsOf, type Fixture, fixtureName, fixtures, journalsFolder, statesName } from "./fixture.ts"
import { lives, recordedKinds, type Step } from "./lives.ts"

const lived = Effect.fnUntraced(function* (deployment: Deployment, steps: ReadonlyArray<Step>) {
  const { engine, crash } = yield* deployment.start(recordedKinds)
  for (const { protocol, key, command, thenMs } of steps) {
    yield* Effect.forkChild(
      Effect.exit(engine.ask(protocol, key, command as never, { tenant, timeoutMs: 60_000 })),
    )
    yield* Effect.sleep(thenMs)
  }
  yield* crash
})

const record = (kind: AnyKind): Fixture => {
  const name = kind.protocol.kind
  const deployment = new Deployment({ seed: `golden ${name}`, partitions: 1 })
  const exit = deployment.time.run(Effect.scoped(lived(deployment, lives[name] ?? [])))
  if (exit._tag === "Failure") throw Cause.squash(exit.cause)
  const records = deployment.stores.journal.messages(0).map(({ data }) => new TextDecoder().decode(data))
  return { kind: name, version: kind.protocol.version, records, states: statesOf(kind, records) }
}

/** Folds every actor of the kind. */
const statesOf = (kind: AnyKind, records: ReadonlyArray<string>): Fixture["states"] => {
  const histories = new Map<string, Array<History.Past>>()
  for (const [position, text] of records.entries()) {
    const decoded = JournalRecord.decode(new TextEncoder().encode(text))
    if ("corrupt" in decoded) throw new Error(decoded.corrupt)
    for (const [index, entry] of decoded.entries.entries()) {
      if (Address.kindOf(entry.to) !== kind.protocol.kind) continue
      const past = { sequence: position + 1, index, spanId: "", entry }
      histories.set(entry.to, [...(histories.get(entry.to) ?? []), past])
    }
  }
  return Object.fromEntries(
    [...histories].map(([id, history]) => [id, History.fold(kind, Address.parse(id)!, history).state]),
  )
}

const keep = (name: string, make: () => unknown, folder = journalsFolder): void => {
  const path = join(folder, name)
  const stands = existsSync(path)
  if (!stands) writeFileSync(path, `${JSON.stringify(make(), undefined, 2)}\n`, { flag: "wx" })
  console.log(`${name} ${stands ? "stands" : "recorded"}`)
}

mkdirSync(journalsFolder, { recursive: true })
for (const { kind } of recordedKinds) {
  const { kind: name, version } = kind.protocol
  keep(fixtureName(name, version), () => record(kind))
  const parts = fixtures().filter((one) => one.kind === name && one.version === version)
  const known = eventsOf(name, parts)
  if (Object.keys(kind.events).some((event) => !known.has(event))) {
    const part = { ...record(kind), part: parts.length + 1 }
    const isNew = [...eventsOf(name, [part])].some((event) => !known.has(event))
    if (isNew) keep(fixtureName(name, version, part.part), () => part)
    else console.log(`${name} has events that happen in no recorded life`)
  }
  for (const older of fixtures()) {
    if (older.kind !== name || older.version === version) continue
    keep(statesName(older, version), () => statesOf(kind, older.records))
  }
}
keep(`${laneStateFormat}.json`, laneFixture, laneStatesFolder)
