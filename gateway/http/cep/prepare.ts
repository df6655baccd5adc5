/** Before a rule is saved: what an edit of it would do, and documents from templates. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { compatibility, ruleProblems, ruleTemplates } from "../../../actors/index.ts"
import { cepInsightEndpoints as endpoints, RuleDocument } from "../../../schemas/index.ts"
import { GatewayError } from "../../errors.ts"
import { type Route, route } from "../../route.ts"
import type { GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"
import { invalidFields } from "../body.ts"
import { badRule, readRule } from "./save.ts"
import { warningsOf } from "./warnings.ts"

const decodeDocument = Schema.decodeUnknownResult(RuleDocument, { onExcessProperty: "error", errors: "all" })

const templateOf = (id: string) => {
  const template = ruleTemplates.find((one) => one.id === id)
  if (template !== undefined) return template
  throw new GatewayError(404, "CEP_RULE_006", "There is no such template.", {
    templates: ruleTemplates.map((one) => one.id),
  })
}

/** Errors: a value that no parameter takes; a document that is none, or not valid. */
const made = (id: string, values: Readonly<Record<string, string | number>>): RuleDocument => {
  const { parameters, make } = templateOf(id)
  const names = parameters.map(({ name }) => name)
  const stray = Object.keys(values).find((name) => !names.includes(name))
  if (stray !== undefined)
    throw new GatewayError(400, "GTW_BODY_006", `Invalid: values.${stray}.`, {
      field: `values.${stray}`,
      reason: "the template has no such parameter",
      remedy: `use some of ${names.join(", ")}`,
    })
  const decoded = decodeDocument(make(values))
  if (Result.isFailure(decoded)) throw invalidFields(decoded.failure)
  const problems = ruleProblems("new", 1, decoded.success, Date.now())
  if (problems.length > 0) throw badRule(problems)
  return decoded.success
}

export const prepareRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, endpoints.compare, async (request, { params: { rule }, body }) => {
    const name = "POST /api/cep/rules/{id}/compare"
    const reading = Effect.all([readRule(services.engine, request, rule), warningsOf(request.identity, body)])
    const [view, warnings] = await runTraced(services, request, name, reading)
    // What the writer leaves out of these is not taken away by an edit.
    const { enabled = true, owner } = view.document
    const after = { enabled, ...body, ...(owner === undefined ? {} : { owner }) }
    const { keepsState, differences } = compatibility(view.document, after)
    return {
      changes: differences.length > 0,
      keeps_state: keepsState,
      differences,
      problems: ruleProblems(rule, view.version + 1, after, Date.now()),
      warnings,
    }
  }),
  route(services, endpoints.templates, () => ({
    templates: ruleTemplates.map(({ make: _, ...template }) => template),
  })),
  route(services, endpoints.makeFromTemplate, (_, { params, body }) => ({
    document: made(params.template, body.values ?? {}),
  })),
]
