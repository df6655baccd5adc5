/**
 * Refuses what would cost too much, from the parsed tree, before anything is evaluated: functions that are not known to
 * be cheap, loops in loops, loops over anything but what a pattern matched, comparisons of whole lists. What remains
 * costs at most nodes × items of a stage.
 */
import type { ExpressionProblem } from "./expression.ts"
import { boundedMatches, comprehensions, functions, listElementsMax, methods } from "./language.ts"
import { textPattern } from "./text-pattern.ts"
import { type Node, partsOf, typeOf } from "./tree.ts"

type Report = (node: Node, problem: string, remedy: string) => void

/** What a comprehension may go over: `matched.<stage>`, a list in the source, and what another one made of them. */
const isBoundedList = (node: Node): boolean => {
  if (node.op === "list") return true
  if (node.op === ".") return node.args[0].op === "id" && node.args[0].args === "matched"
  return (
    node.op === "rcall" &&
    (node.args[0] === "filter" || node.args[0] === "map") &&
    isBoundedList(node.args[1])
  )
}

const checkLoop = (node: Extract<Node, { readonly op: "rcall" }>, inLoop: boolean, report: Report) => {
  const [name, list] = node.args
  if (inLoop) {
    report(node, `${name}() is inside another loop`, "use one loop at a time: what it costs must be known")
  } else if (!isBoundedList(list)) {
    report(
      list,
      `${name}() can go over matched.<stage> and lists in the source only`,
      `write for example matched.start.${name}(item, item.value > 3)`,
    )
  }
}

const checkPattern = (node: Extract<Node, { readonly op: "rcall" }>, report: Report) => {
  const pattern = node.args[2][0]
  if (pattern?.op !== "value" || typeof pattern.args !== "string") {
    return report(
      node,
      "matches() needs a text in quotes",
      'write for example labels.host.matches("^web-[0-9]+$")',
    )
  }
  const compiled = textPattern(pattern.args)
  if ("refused" in compiled) {
    report(
      pattern,
      `the regular expression ${compiled.refused}`,
      "use literals, classes, groups, |, *, +, ?, {n,m}, ^ and $",
    )
  }
}

/** Methods and functions, and where loops are. Done before types are checked. */
export const checkShape = (root: Node, report: Report): void => {
  const walk = (node: Node, inLoop: boolean): void => {
    if (node.op === "call" && !functions.has(node.args[0])) {
      report(node, `there is no function ${node.args[0]}()`, `there are ${[...functions].join(", ")}`)
    }
    if (node.op === "rcall") {
      const name = node.args[0]
      if (!methods.has(name)) {
        report(node, `there is no method ${name}()`, `there are ${[...methods].join(", ")}`)
      } else if (comprehensions.has(name)) {
        checkLoop(node, inLoop, report)
        walk(node.args[1], inLoop)
        for (const part of node.args[2]) walk(part, true)
        return
      } else if (name === "matches") checkPattern(node, report)
    }
    if (node.op === "map") report(node, "maps cannot be written here", "compare the single values")
    for (const part of partsOf(node)) walk(part, inLoop)
  }
  walk(root, false)
}

const isCollection = (node: Node) => /^(?:list|map)/u.test(typeOf(node)) || typeOf(node) === "$matched"

/** What is to be known of types: no operator may work on whole lists. */
export const checkOperands = (root: Node, report: Report): void => {
  if (root.op === "in") {
    const list = root.args[1]
    if (list.op !== "list" && !typeOf(list).startsWith("map")) {
      report(
        list,
        "`in` needs a list in the source, or labels or event",
        `write up to ${listElementsMax} values in [ ]`,
      )
    }
  } else if (["==", "!=", "+"].includes(root.op) && partsOf(root).some((part) => isCollection(part))) {
    report(
      root,
      "whole lists and maps cannot be compared or joined",
      "compare the single values, or use size()",
    )
  }
  if (root.op === "call" && root.args[0] === "has") return
  for (const part of partsOf(root)) checkOperands(part, report)
}

/** Whole numbers become doubles but where they count places in a list; `matches` becomes ours. Changes the tree. */
export const adapt = (node: Node, isPlace = false): void => {
  if (node.op === "value" && typeof node.args === "bigint" && !isPlace) {
    Object.assign(node, { args: Number(node.args) })
  }
  if (node.op === "rcall" && node.args[0] === "matches") Object.assign(node.args, [boundedMatches])
  const [list, place] = node.op === "[]" ? node.args : []
  for (const part of partsOf(node)) adapt(part, part === place || (isPlace && part !== list))
}

/** Whether it says what it costs: it reads texts, or goes over what a pattern matched. */
export const isCostly = (node: Node): boolean =>
  (node.op === "rcall" && (node.args[0] === boundedMatches || comprehensions.has(node.args[0]))) ||
  (node.op === "id" && node.args === "matched") ||
  partsOf(node).some(isCostly)

export const expressionProblem = (
  node: Node | undefined,
  problem: string,
  remedy: string,
): ExpressionProblem =>
  node === undefined ? { problem, remedy } : { problem, remedy, start: node.start, end: node.end }
