/**
 * How a rule is written: what concerns several rules, and the caller's rights, is checked before its actor is asked.
 * Cycles are looked for in the index, which follows the actors: two rules that are written at the same moment may make one
 * all the same, and an event then comes through a bounded number of rules.
 */
import * as Effect from "effect/Effect"
import { consumedEvents, cycleOf, publishedEvents, RuleIndex } from "../../../actors/index.ts"
import type { EngineShape } from "../../../engine/index.ts"
import {
  CepRuleProtocol,
  type Permission,
  type Problem,
  type RuleDocument,
  type RuleView,
} from "../../../schemas/index.ts"
import { authorize } from "../../auth/identity.ts"
import { GatewayError } from "../../errors.ts"
import type { GatewayRequest } from "../../route.ts"

/** Rules of one tenant. */
export const rulesMax = 20_000

/** Actions act in the owner's name, who has to hold what they need, with this very credential. */
const neededBy: Readonly<Record<string, Permission>> = {
  ask_ops: "ops:ask",
  execute_agent: "agent:execute",
}

const requireRights = ({ identity }: GatewayRequest, { actions = [] }: RuleDocument): void => {
  for (const { type } of actions) {
    const permission = neededBy[type]
    if (permission !== undefined) authorize(identity, permission)
  }
}

export const badRule = (problems: ReadonlyArray<Problem>) =>
  new GatewayError(422, "CEP_RULE_002", "The rule is not valid.", { rejection: "BadRule", problems })

const cycle = (way: ReadonlyArray<string>) =>
  badRule([
    {
      field: "actions",
      problem: `the rule would bring itself about: ${way.join(" → ")}`,
      remedy: "publish an event of another type, or let one of these rules not take it in",
    },
  ])

export const callOf = ({ identity }: GatewayRequest) => ({
  tenant: identity.tenant,
  principal: identity.user,
})

const checkFlow = Effect.fnUntraced(function* (tenant: string, rule: string, document: RuleDocument) {
  const flow = { rule, consumes: consumedEvents(document), publishes: publishedEvents(document) }
  if (document.enabled === false || flow.consumes.length === 0 || flow.publishes.length === 0) return
  const flows = yield* RuleIndex.use((index) => index.flows(tenant))
  const way = cycleOf(
    flow,
    flows.filter((other) => other.rule !== rule),
  )
  if (way !== undefined) return yield* Effect.fail(cycle(way))
})

const checkCount = Effect.fnUntraced(function* (tenant: string) {
  const count = yield* RuleIndex.use((index) => index.count(tenant))
  if (count < rulesMax) return
  return yield* Effect.fail(
    new GatewayError(429, "CEP_RULE_005", "This tenant has as many rules as it may have.", {
      limit: "rulesMax",
      max: rulesMax,
      remedy: "remove rules that nobody needs",
    }),
  )
})

export const readRule = (engine: EngineShape, request: GatewayRequest, rule: string) =>
  engine.ask(CepRuleProtocol, rule, { _tag: "Read" }, callOf(request))

/** Undefined where there is none. */
const known = (engine: EngineShape, request: GatewayRequest, rule: string) =>
  readRule(engine, request, rule).pipe(
    Effect.map((view): RuleView | undefined => view),
    Effect.catchTag("Rejected", () => Effect.succeed(undefined)),
  )

const expecting = (expected: number | undefined) => (expected === undefined ? {} : { expected })

export interface Written {
  readonly view: RuleView
  readonly changed: boolean
  readonly created: boolean
}

export const defineRule = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  asked: { readonly rule: string; readonly document: RuleDocument; readonly expected: number | undefined },
) {
  const { rule, document, expected } = asked
  const { tenant } = request.identity
  yield* Effect.try({ try: () => requireRights(request, document), catch: (refusal) => refusal })
  const before = yield* known(engine, request, rule)
  if (before === undefined) yield* checkCount(tenant)
  // Who leaves out whether it runs, leaves it as it is.
  const enabled = document.enabled ?? before?.document.enabled ?? true
  const whole = { ...document, enabled }
  yield* checkFlow(tenant, rule, whole)
  const define = { _tag: "Define", document: whole, ...expecting(expected) } as const
  const { view, changed } = yield* engine.ask(CepRuleProtocol, rule, define, callOf(request))
  return { view, changed, created: before === undefined } satisfies Written
})

export const enableRule = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  rule: string,
  expected: number | undefined,
) {
  const { document } = yield* readRule(engine, request, rule)
  yield* Effect.try({ try: () => requireRights(request, document), catch: (refusal) => refusal })
  yield* checkFlow(request.identity.tenant, rule, { ...document, enabled: true })
  const enable = { _tag: "Enable", ...expecting(expected) } as const
  return yield* engine.ask(CepRuleProtocol, rule, enable, callOf(request))
})

export const restoreRule = Effect.fnUntraced(function* (
  engine: EngineShape,
  request: GatewayRequest,
  asked: { readonly rule: string; readonly version: number; readonly expected: number | undefined },
) {
  const { rule, version, expected } = asked
  const { tenant } = request.identity
  const call = callOf(request)
  const { versions } = yield* engine.ask(CepRuleProtocol, rule, { _tag: "Versions" }, call)
  const document = versions.find((kept) => kept.version === version)?.document
  if (document !== undefined) {
    yield* Effect.try({ try: () => requireRights(request, document), catch: (refusal) => refusal })
    yield* checkFlow(tenant, rule, document)
    if ((yield* known(engine, request, rule)) === undefined) yield* checkCount(tenant)
  }
  return yield* engine.ask(CepRuleProtocol, rule, { _tag: "Restore", version, ...expecting(expected) }, call)
})
