/** A pattern as its author writes it → a plan that makes matchers, or all that is wrong with it, field by field. */
import { durationMs, type PatternDocument, type Problem } from "../../../schemas/index.ts"
import type { Condition, Environment, ExpressionProblem } from "../expression/expression.ts"
import type { HeldBytes } from "../held-bytes.ts"
import type { Skip } from "./completed-matches.ts"
import { Decisions } from "./decisions.ts"
import { PatternMatcher } from "./matcher.ts"
import { decodeMatcher } from "./matcher-codec.ts"
import type { PatternPlan } from "./pattern.ts"
import { edgesMax, graphOf } from "./pattern-graph.ts"
import { problemsOf } from "./pattern-problems.ts"
import { stageNamesOf, unitsOf } from "./pattern-stages.ts"

/** What stages look at that name no input of their own. */
export interface PatternTrigger {
  readonly metric?: string
  readonly event?: string
  readonly where: Readonly<Record<string, string>>
}

/** Parses and checks one expression. */
export type CompileCondition = (source: string, environment: Environment) => Condition | ExpressionProblem

export const withinDefaultMs = 600_000
/** Longer patterns would keep what they hold for longer than the stream keeps what they are rebuilt from. */
export const withinMaxMs = 7 * 86_400_000

/**
 * After a match nothing begins with, or goes on from, what came before its end: one match, and one alert, per episode.
 * Flink's own default is `no_skip`.
 */
const skipDefault = { type: "skip_past_last_event" } as const

const skipOf = (document: PatternDocument, stages: ReadonlyArray<string>): Skip => {
  const skip = document.after_match ?? skipDefault
  return "stage" in skip ? { type: skip.type, stage: stages.indexOf(skip.stage) } : skip
}

const tooManyWays = (stage: string): Problem => ({
  field: "pattern.stages",
  problem: `after "${stage}" more than ${edgesMax} stages could come next`,
  remedy: "make fewer stages in a row optional, or split the pattern into two rules",
})

/** Fields of problems begin with `pattern`. */
export const compilePattern = (
  document: PatternDocument,
  trigger: PatternTrigger,
  compileCondition: CompileCondition,
): { readonly plan: PatternPlan } | { readonly problems: ReadonlyArray<Problem> } => {
  const stages = stageNamesOf(document)
  const problems: Array<Problem> = [...problemsOf(document, trigger, stages, withinMaxMs)]
  const units = unitsOf(document, trigger, stages, compileCondition, problems)
  if (problems.length > 0) return { problems }
  const graph = graphOf(stages, units)
  const crowded = graph.positions.find((position) => position.edges.length > edgesMax)
  if (crowded !== undefined) return { problems: [tooManyWays(crowded.leaf.name)] }
  if (graph.starts.length > edgesMax) return { problems: [tooManyWays("the beginning")] }
  const withinMs = document.within === undefined ? withinDefaultMs : durationMs(document.within)
  const skip = skipOf(document, stages)
  const decisions = new Decisions(graph, withinMs)
  const make = (held: HeldBytes) => new PatternMatcher(graph, decisions, withinMs, skip, held)
  return {
    plan: {
      stages,
      withinMs,
      make,
      decode: (reader, held) => {
        const matcher = make(held)
        decodeMatcher(reader, matcher)
        return matcher
      },
    },
  }
}
