/**
 * A whole deployment in memory: the stores that outlive nodes, and nodes that come and go over them. Tests of actor
 * kinds run here with a virtual clock; nothing but the ports differs from production.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { KeyValue } from "../key-value.ts"
import { DeadLetters, Journal, Mailbox } from "../log.ts"
import { type Interference, none } from "../memory/interference.ts"
import { makeKeyValue, ValueStore } from "../memory/key-value.ts"
import { LogStore, makeLog } from "../memory/log.ts"
import { makeSignals, SignalStore } from "../memory/signals.ts"
import { type EngineShape, make, type NodeOptions } from "../node.ts"
import { Signals } from "../signals.ts"

export interface Stores {
  readonly mailbox: LogStore
  readonly journal: LogStore
  readonly deadLetters: LogStore
  readonly values: ValueStore
  readonly signals: SignalStore
}

export const makeStores = (
  options: {
    readonly now?: () => number
    readonly mailboxMax?: number
    readonly dropsRepeats?: boolean
  } = {},
): Stores => ({
  mailbox: new LogStore({
    ...options,
    ...(options.mailboxMax === undefined ? {} : { messagesMax: options.mailboxMax }),
  }),
  journal: new LogStore(options),
  deadLetters: new LogStore(options),
  values: new ValueStore(),
  signals: new SignalStore(),
})

/** Starts a node on the stores; it ends with the scope. */
export const startNode = (
  stores: Stores,
  options: NodeOptions,
  interference: Interference = none,
): Effect.Effect<EngineShape, never, Scope.Scope> =>
  make(options).pipe(
    Effect.provideService(Mailbox, makeLog(stores.mailbox, interference)),
    Effect.provideService(Journal, makeLog(stores.journal, interference)),
    Effect.provideService(DeadLetters, makeLog(stores.deadLetters, interference)),
    Effect.provideService(KeyValue, makeKeyValue(stores.values, interference)),
    Effect.provideService(Signals, makeSignals(stores.signals, interference)),
  )
