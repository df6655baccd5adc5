/** Compiles a rule that was accepted before. What this release refuses of it is no defect: the rule is shown as broken. */
import { compileRule } from "./rule/compile-rule.ts"
import type { CompileRule } from "./rule-state.ts"

/** A rule of before that was not refused then, or is new, and cannot run now. */
export class RuleRefused extends Error {
  override readonly name = "RuleRefused"
}

export const compileOrRefuse: CompileRule = (rule, version, document) => {
  const compiled = compileRule(rule, version, document)
  if ("program" in compiled) return compiled.program
  const problems = compiled.problems.map(({ field, problem }) => `${field}: ${problem}`)
  throw new RuleRefused(problems.join("; "))
}
