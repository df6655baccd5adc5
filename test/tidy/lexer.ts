/**
 * Tells code from comments and literals in a TypeScript file, well enough for the tidy rules: what is blanked keeps its
 * length and its line breaks, so that positions stay true.
 */

export interface Literal {
  /** Where its opening quote stands. */
  readonly start: number
  readonly value: string
}

export interface Lexed {
  /** The text with the inside of comments, strings, templates and regular expressions blanked. */
  readonly code: string
  /** Strings in quotes; templates are left out. */
  readonly literals: ReadonlyArray<Literal>
}

const comment = /^#![^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const quoted = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/y
const expression = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const templatePart = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y

/** After these a slash begins a regular expression; after anything else it divides. */
const beforeExpression = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of))\s*$/

const blank = (text: string): string => text.replaceAll(/[^\n]/g, " ")

export const lex = (text: string): Lexed => {
  const literals: Array<Literal> = []
  /** For every open brace whether it ends a template's hole. */
  const braces: Array<boolean> = []
  let code = ""
  let inTemplate = false

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = code.length
    return pattern.exec(text)?.[0]
  }
  const takeTemplate = () => {
    const part = match(templatePart) ?? text.slice(code.length)
    inTemplate = false
    if (part.endsWith("${")) braces.push(true)
    code += blank(part)
  }
  const takeQuoted = (literal: string) => {
    literals.push({ start: code.length, value: literal.slice(1, -1) })
    code += literal[0] + blank(literal.slice(1, -1)) + literal[0]
  }
  const takeCode = () => {
    const next = text[code.length]!
    if (next === "`") inTemplate = true
    if (next === "{") braces.push(false)
    if (next === "}" && braces.pop() === true) inTemplate = true
    code += next === "`" ? " " : next
  }

  while (code.length < text.length) {
    if (inTemplate) {
      takeTemplate()
      continue
    }
    const remark = match(comment)
    const literal = match(quoted)
    const pattern = beforeExpression.test(code.slice(-40)) ? match(expression) : undefined
    if (remark !== undefined) code += blank(remark)
    else if (literal !== undefined) takeQuoted(literal)
    else if (pattern !== undefined) code += blank(pattern)
    else takeCode()
  }
  return { code, literals }
}

export const lineOf = (text: string, position: number): number => text.slice(0, position).split("\n").length
