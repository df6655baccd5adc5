/** The engine's ports in memory. */
import * as Effect from "effect/Effect"
import { makeKeyValue, ValueStore } from "../../engine/memory/key-value.ts"
import { LogStore, makeLog } from "../../engine/memory/log.ts"
import { makeSignals, SignalStore } from "../../engine/memory/signals.ts"
import { keyValueContract } from "./key-value.ts"
import { logContract, messagesPerPartitionMax } from "./log.ts"
import { signalsContract } from "./signals.ts"

logContract(
  "memory",
  Effect.sync(() => ({
    mailbox: makeLog(new LogStore({ messagesMax: messagesPerPartitionMax })),
    journal: makeLog(new LogStore()),
  })),
)
keyValueContract(
  "memory",
  Effect.sync(() => makeKeyValue(new ValueStore())),
)
signalsContract(
  "memory",
  Effect.sync(() => {
    const store = new SignalStore()
    return [makeSignals(store), makeSignals(store)] as const
  }),
)
