/** Gives tenants their built-in agents and rules. Idempotent, and safe when several nodes do it at once. */
import * as Effect from "effect/Effect"
import { Engine, type EngineError, type EngineShape, type Rejected } from "../engine/index.ts"
import { AgentProtocol, CepRuleProtocol, type RuleDocument } from "../schemas/index.ts"
import { builtinAgents } from "./agent/builtin.ts"
import { builtinRules } from "./cep-rule/builtin.ts"
import { forEveryTenant } from "./every-tenant.ts"

/** A rule that exists stays as people left it. */
const defineOnce = (engine: EngineShape, tenant: string, id: string, document: RuleDocument) =>
  engine.ask(CepRuleProtocol, id, { _tag: "Read" }, { tenant }).pipe(
    Effect.asVoid,
    Effect.catchTag("Rejected", () =>
      Effect.asVoid(engine.ask(CepRuleProtocol, id, { _tag: "Define", document }, { tenant })),
    ),
  )

/** Errors: what `ask` fails with; calling it again finishes what is missing. */
export const seedBuiltins = Effect.fnUntraced(function* (
  engine: EngineShape,
  tenant: string,
): Effect.fn.Return<void, EngineError | Rejected> {
  for (const [id, descriptor] of Object.entries(builtinAgents)) {
    yield* engine.ask(AgentProtocol, id, { _tag: "Register", ...descriptor }, { tenant })
  }
  for (const [id, document] of Object.entries(builtinRules)) yield* defineOnce(engine, tenant, id, document)
})

/** A tenant that is new waits this long at most for its agents and rules. */
const lookEveryMs = 5_000

/** Gives every tenant its own. Runs until it is interrupted, on as many nodes as like to. */
export const runBuiltinSeeding = Effect.gen(function* () {
  const engine = yield* Engine
  return yield* forEveryTenant("built-in agents and rules", (tenant) => seedBuiltins(engine, tenant), {
    lookEveryMs,
  })
})
