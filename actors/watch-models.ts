/** Sees to it that every tenant's models are watched: those that there are, and soon those that come. */
import * as Effect from "effect/Effect"
import { Engine } from "../engine/index.ts"
import type { Tenants } from "../resources/index.ts"
import { LlmHealthProtocol, llmHealthKey } from "../schemas/index.ts"
import { forEveryTenant } from "./every-tenant.ts"

export interface WatchModelsOptions {
  /** How often a tenant's models are checked. */
  readonly everyMs: number
  /** How often new tenants are looked for. */
  readonly lookEveryMs?: number
}

const defaultLookEveryMs = 30_000

/** Runs until it is interrupted. Several nodes may run it: each tenant has one schedule all the same. */
export const runModelWatch = Effect.fnUntraced(function* ({
  everyMs,
  lookEveryMs = defaultLookEveryMs,
}: WatchModelsOptions): Effect.fn.Return<never, never, Engine | Tenants> {
  const engine = yield* Engine
  const watch = (tenant: string) =>
    engine.ask(LlmHealthProtocol, llmHealthKey, { _tag: "Watch", everyMs }, { tenant })
  return yield* forEveryTenant("the watch over models", watch, { lookEveryMs })
})
