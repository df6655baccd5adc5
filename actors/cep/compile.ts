/** Compiles a rule that was accepted before. What this release refuses of it is no defect: the rule is shown, and not run. */
import type { RuleDocument } from "../../schemas/index.ts"
import { compileRule } from "./rule/compile-rule.ts"
import type { Program } from "./rule/program.ts"

/** A rule that cannot run: why is its `detail`. */
export interface RefusedRule {
  readonly rule: string
  readonly number: number
  readonly version: number
  readonly document: RuleDocument
  readonly detail: string
  /** When that was found. */
  readonly at: number
}

/** What is wrong with it instead of a program, if anything is. */
export const compile = (rule: string, version: number, document: RuleDocument): Program | string => {
  try {
    const compiled = compileRule(rule, version, document)
    if ("program" in compiled) return compiled.program
    return compiled.problems.map(({ field, problem }) => `${field}: ${problem}`).join("; ")
  } catch (error) {
    return `a defect in its compilation: ${error instanceof Error ? error.message : String(error)}`
  }
}
