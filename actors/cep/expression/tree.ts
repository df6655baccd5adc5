/** What we need to know of a parsed expression: its parts, and the source of each. */
import type { ASTNode } from "@marcbachmann/cel-js"

export type Node = ASTNode

export const isBinary = (node: Node): node is Extract<Node, { readonly op: ">" }> =>
  ["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"].includes(node.op)

export const isComparison = (node: Node): node is Extract<Node, { readonly op: ">" }> =>
  ["==", "!=", "<", "<=", ">", ">="].includes(node.op)

/** The parts of a node that are expressions themselves, in the order of the source. */
export const partsOf = (node: Node): ReadonlyArray<Node> => {
  switch (node.op) {
    case "value":
    case "id":
      return []
    case ".":
    case ".?":
      return [node.args[0]]
    case "call":
      return node.args[1]
    case "rcall":
      return [node.args[1], ...node.args[2]]
    case "map":
      return node.args.flat()
    case "!_":
    case "-_":
      return [node.args]
    default:
      return node.args
  }
}

/** Of it and of all its parts. */
export const countOf = (node: Node): number => partsOf(node).reduce((count, part) => count + countOf(part), 1)

/** Variables and names of iteration that occur in a node. */
export const namesIn = (node: Node, into: Set<string> = new Set()): Set<string> => {
  if (node.op === "id") into.add(node.args)
  for (const part of partsOf(node)) namesIn(part, into)
  return into
}

/** The type that was found when it was checked, such as `double` or `map<string, string>`. */
export const typeOf = (node: Node): string =>
  (node as { readonly checkedType?: { readonly name: string } }).checkedType?.name ?? "dyn"

/** Its text, with the parentheses that belong to its parts: the parser leaves out those on the outside. */
export const sourceOf = (node: Node, source: string): string => {
  let { start, end } = node
  const text = source.slice(start, end)
  let open = 0
  let missing = 0
  for (const character of text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/gu, "")) {
    if (character === "(" || character === "[") open += 1
    if (character !== ")" && character !== "]") continue
    if (open > 0) open -= 1
    else missing += 1
  }
  for (; missing > 0 && start > 0; start -= 1) if (source[start - 1] === "(") missing -= 1
  for (; open > 0 && end < source.length; end += 1) if (source[end] === ")") open -= 1
  return source.slice(start, end).trim()
}

const literal = (node: Extract<Node, { readonly op: "value" }>): string => {
  const value = node.args
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u007f", "\\u007f")
  if (typeof value !== "number") return String(value)
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value)
}

/**
 * An expression of the same meaning, every part in parentheses: what was changed in the tree is in it. `instead`: what is
 * printed for some values and names.
 */
export const print = (node: Node, instead: (node: Node) => string | undefined = () => undefined): string => {
  const part = (one: Node) => print(one, instead)
  switch (node.op) {
    case "value":
      return instead(node) ?? literal(node)
    case "id":
      return instead(node) ?? node.args
    case ".":
    case ".?":
      return `${part(node.args[0])}.${node.args[1]}`
    case "[]":
    case "[?]":
      return `${part(node.args[0])}[${part(node.args[1])}]`
    case "call":
      return `${node.args[0]}(${node.args[1].map(part).join(", ")})`
    case "rcall":
      return `${part(node.args[1])}.${node.args[0]}(${node.args[2].map(part).join(", ")})`
    case "list":
      return `[${node.args.map(part).join(", ")}]`
    case "map":
      return `{${node.args.map(([key, value]) => `${part(key)}: ${part(value)}`).join(", ")}}`
    case "?:":
      return `(${part(node.args[0])} ? ${part(node.args[1])} : ${part(node.args[2])})`
    case "!_":
      return `!(${part(node.args)})`
    case "-_":
      return `-(${part(node.args)})`
    default:
      return `(${part(node.args[0])} ${node.op} ${part(node.args[1])})`
  }
}
