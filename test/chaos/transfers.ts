/** The load of a chaos run: numbered transfers between accounts, each asked again under its key until it is answered. */
import * as Effect from "effect/Effect"
import type { EngineShape } from "../../engine/index.ts"
import { AccountProtocol } from "../support/account.ts"
import { accounts } from "./config.ts"

const tenant = "chaos"

export interface Load {
  /** Ids of the transfers that were answered, and how. */
  readonly accepted: Set<string>
  readonly rejected: Set<string>
  readonly attempts: number
  stop: boolean
}

export const makeLoad = (): Load => ({ accepted: new Set(), rejected: new Set(), attempts: 0, stop: false })

/** One client: transfer after transfer until the load is stopped, and none left without an answer. */
export const client = Effect.fnUntraced(function* (engine: EngineShape, load: Load, client: number) {
  for (let serial = 0; !load.stop; serial++) {
    const transfer = `${client}.${serial}`
    const from = `a${(client * 7 + serial) % accounts}`
    const to = `a${(client * 3 + serial * 5 + 1) % accounts}`
    for (;;) {
      const result = yield* Effect.result(
        engine.ask(
          AccountProtocol,
          from,
          { _tag: "Transfer", amount: 1 + (serial % 9), to, transfer },
          { tenant, idempotencyKey: transfer, timeoutMs: 3_000 },
        ),
      )
      if (result._tag === "Success") load.accepted.add(transfer)
      else if (result.failure._tag === "Rejected") load.rejected.add(transfer)
      else {
        yield* Effect.sleep(100)
        continue
      }
      break
    }
  }
})

/** Gives every account its opening balance, once whatever happens. */
export const open = (engine: EngineShape, amount: number) =>
  Effect.forEach(
    Array.from({ length: accounts }, (_, index) => `a${index}`),
    (account) =>
      Effect.retry(
        engine.ask(
          AccountProtocol,
          account,
          { _tag: "Deposit", amount },
          { tenant, idempotencyKey: "opening" },
        ),
        { while: (error) => error._tag === "EngineError", times: 100 },
      ),
    { concurrency: 8, discard: true },
  )

export const readAll = (engine: EngineShape) =>
  Effect.forEach(
    Array.from({ length: accounts }, (_, index) => `a${index}`),
    (account) =>
      Effect.map(
        Effect.retry(engine.ask(AccountProtocol, account, { _tag: "Read" }, { tenant, timeoutMs: 5_000 }), {
          while: (error) => error._tag === "EngineError",
          times: 20,
        }),
        (read) => [`${tenant}/account/${account}`, read] as const,
      ),
    { concurrency: 8 },
  )
