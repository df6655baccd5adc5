/** Takes a condition apart: what each comparison in it came to, and by how much it failed. */
import { EvaluationError, type Finding, type Scope, type Truth } from "./expression.ts"
import { type Compiling, compileAnything } from "./operand.ts"
import { isBinary, type Node, partsOf, sourceOf } from "./tree.ts"
import { compileTruth } from "./truth.ts"

export type Explainer = (scope: Scope) => Finding

/** Texts that are shown are cut here. */
const shownMax = 200

const shown = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value)
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (typeof value === "string") return value.slice(0, shownMax)
  return typeof value === "object" && value !== null ? undefined : value
}

const explainLeaf = (node: Node, source: string, compiling: Compiling): Explainer => {
  const text = sourceOf(node, source)
  const truth = compileTruth(node, compiling)
  const { missing } = compiling.library.uses(node)
  const sides = isBinary(node) ? node.args.filter((side) => side.op !== "list") : []
  const [left, right] = sides.map((side) => compileAnything(side, compiling))
  const valueOf = (side: typeof left, scope: Scope): unknown => {
    if (side === undefined || side.unknown(scope)) return undefined
    try {
      return shown(side.get(scope))
    } catch {
      return undefined
    }
  }
  return (scope) => {
    let result: Truth | "error"
    let detail: string | undefined
    try {
      result = truth(scope)
      if (result === undefined) detail = `no value yet: ${missing(scope).join(", ")}`
    } catch (error) {
      result = "error"
      detail = error instanceof EvaluationError ? error.message : String(error)
    }
    const [first, second] = [valueOf(left, scope), valueOf(right, scope)]
    const isShort = result === false && typeof first === "number" && typeof second === "number"
    return {
      source: text,
      result,
      ...(first === undefined ? {} : { left: first }),
      ...(second === undefined ? {} : { right: second }),
      ...(isShort ? { short: second - first } : {}),
      ...(detail === undefined ? {} : { detail }),
    }
  }
}

/** The leaves of `&&`, `||`, `!` and `?:`, in the order of the source. */
export const compileExplainers = (
  node: Node,
  source: string,
  compiling: Compiling,
): ReadonlyArray<Explainer> =>
  ["&&", "||", "!_", "?:"].includes(node.op)
    ? partsOf(node).flatMap((part) => compileExplainers(part, source, compiling))
    : [explainLeaf(node, source, compiling)]
