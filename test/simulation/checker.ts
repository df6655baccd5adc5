/** Holds what the stores say against what the clients were told. Every violated promise is one line. */
import { JournalRecord } from "../../engine/index.ts"
import type { Stores } from "../../engine/testkit/memory-deployment.ts"
import { actors, type Operation } from "./clients.ts"
import { Ledger } from "./ledger.ts"
import { partitions } from "./world.ts"

type State = ReturnType<typeof Ledger.initial>

export interface Folded {
  readonly states: ReadonlyMap<string, State>
  readonly violations: ReadonlyArray<string>
}

/** Folds all journals from their first record: no fork, no gap, nothing applied twice. */
export const foldJournals = (stores: Stores): Folded => {
  const states = new Map<string, State>()
  const violations: Array<string> = []
  for (let partition = 0; partition < partitions; partition++) {
    let previous = 0
    const seen = new Set<string>()
    for (const { sequence, data } of stores.journal.messages(partition)) {
      const record = JournalRecord.decode(data)
      if ("corrupt" in record) {
        violations.push(`partition ${partition}: sequence ${sequence} is corrupt: ${record.corrupt}`)
        continue
      }
      if (record.prev !== previous) {
        violations.push(
          `fork: partition ${partition}, sequence ${sequence} follows ${record.prev}, not ${previous}`,
        )
      }
      previous = sequence
      for (const entry of record.entries) {
        const { cause } = entry
        const once =
          cause.t === "command" || cause.t === "malformed"
            ? `position ${cause.at.join(".")}`
            : cause.t === "timer"
              ? `timer ${entry.to} ${cause.key} ${cause.dueAt}`
              : cause.t === "settled"
                ? `activity ${entry.to} ${cause.id}`
                : undefined
        if (once !== undefined && seen.has(once)) violations.push(`twice: partition ${partition}, ${once}`)
        if (once !== undefined) seen.add(once)
        let state = states.get(entry.to) ?? Ledger.initial("")
        for (const event of entry.events ?? []) {
          state = Ledger.evolve[event._tag as keyof typeof Ledger.evolve](state, event as never)
        }
        states.set(entry.to, state)
      }
    }
  }
  return { states, violations }
}

const count = (log: ReadonlyArray<string>, line: string): number =>
  log.filter((other) => other === line).length

export const checkOperations = (
  states: ReadonlyMap<string, State>,
  operations: ReadonlyArray<Operation>,
): ReadonlyArray<string> => {
  const violations: Array<string> = []
  const logOf = (actor: string) => states.get(`t/ledger/${actor}`)?.log ?? []
  const expect = (operation: Operation, actor: string, line: string, low: number, high: number) => {
    const found = count(logOf(actor), line)
    if (found < low || found > high) {
      const wanted = low === high ? `${low}` : `${low} to ${high}`
      violations.push(
        `operation ${operation.id} (${operation.command._tag}, ${operation.knowledge}) on ${actor}: "${line}" stands ${found} times, expected ${wanted}`,
      )
    }
  }
  for (const operation of operations) {
    const { command, knowledge, actor, id } = operation
    const low = knowledge === "applied" ? 1 : 0
    const high = knowledge === "applied" || knowledge === "unknown" ? 1 : 0
    switch (command._tag) {
      case "Deposit":
        expect(operation, actor, `deposited ${id}`, low, high)
        checkReply(operation, logOf(actor), violations)
        break
      case "Transfer": {
        expect(operation, actor, `sent ${id}`, low, high)
        const sent = count(logOf(actor), `sent ${id}`)
        expect(operation, command.to, `received ${id}`, sent, sent)
        break
      }
      case "Remind":
        expect(operation, actor, `rang ${id}`, low, high)
        break
      case "AwaitRing":
        expect(operation, actor, `rang ${id}`, low, high)
        if (knowledge === "applied" && (operation.reply as { rang: string }).rang !== id) {
          violations.push(`operation ${id} got the answer of another one: ${JSON.stringify(operation.reply)}`)
        }
        break
      case "Work": {
        expect(operation, actor, `finished ${id} done`, low, high)
        const steps = logOf(actor).filter((line) => line.startsWith(`stepped ${id} `))
        const wanted = Array.from({ length: command.steps }, (_, step) => `stepped ${id} ${step}`)
        if (knowledge === "applied" && steps.join() !== wanted.join()) {
          violations.push(`operation ${id}: its reports are ${steps.join()}, expected ${wanted.join()}`)
        }
        break
      }
      case "Poison":
        if (knowledge !== "failed") violations.push(`operation ${id}: poison was ${knowledge}, not failed`)
        break
    }
  }
  return [...violations, ...checkOrder(states, operations), ...checkSum(states)]
}

const checkReply = (operation: Operation, log: ReadonlyArray<string>, violations: Array<string>): void => {
  const handled = (operation.reply as { readonly handled?: number } | undefined)?.handled
  if (operation.knowledge !== "applied" || handled === undefined) return
  if (log[handled - 1] !== `deposited ${operation.id}`) {
    violations.push(
      `operation ${operation.id}: answered as number ${handled}, which is "${log[handled - 1]}"`,
    )
  }
}

const firstLine: Record<string, string> = {
  Deposit: "deposited",
  Transfer: "sent",
  Remind: "reminded",
  Work: "started",
  AwaitRing: "awaited",
}

/** What one client did to one actor, one after the other, stands in the actor's log in that order. */
const checkOrder = (
  states: ReadonlyMap<string, State>,
  operations: ReadonlyArray<Operation>,
): ReadonlyArray<string> => {
  const latest = new Map<string, number>()
  return operations.flatMap((operation) => {
    if (operation.knowledge !== "applied") return []
    const log = states.get(`t/ledger/${operation.actor}`)?.log ?? []
    const at = log.indexOf(`${firstLine[operation.command._tag]} ${operation.id}`)
    const lane = `${operation.client} ${operation.actor}`
    const before = latest.get(lane) ?? -1
    if (at >= 0) latest.set(lane, at)
    return at >= 0 && at < before
      ? [`order: operation ${operation.id} stands before an earlier one of its client`]
      : []
  })
}

/** Money is neither made nor lost by transfers. */
const checkSum = (states: ReadonlyMap<string, State>): ReadonlyArray<string> => {
  let balances = 0
  for (const actor of actors) balances += states.get(`t/ledger/${actor}`)?.balance ?? 0
  return balances < 0 ? [`the sum of all balances is ${balances}`] : []
}
