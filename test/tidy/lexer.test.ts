/** The tidy rules are as good as their idea of what is code. */
import { expect, it } from "vitest"
import { lex } from "./lexer.ts"

const codeOf = (text: string): string => lex(text).code.replaceAll(/\s+/g, " ").trim()

/** `$` and `{` apart, so that these texts are no templates that lost their quotes. */
const hole = (inside: string): string => `$${"{"}${inside}}`

it("blanks comments, strings, templates and regular expressions and keeps the code between", () => {
  expect(codeOf('a /* b */ + "c" // d\ne')).toBe('a + " " e')
  expect(codeOf(`a + \`b ${hole(`c + \`d ${hole("e")}\``)} f\` + g`)).toBe("a + c + e} } + g")
  expect(codeOf("x = /[\"'/]/g.test(y)")).toBe("x = .test(y)")
  expect(codeOf('"a\\"b" + c')).toBe('" " + c')
})

it("takes a slash after a value for a division", () => {
  expect(codeOf('a / b / "c"')).toBe('a / b / " "')
})

it("keeps every position", () => {
  const text = `const a = \`x ${hole('"y"')} z\`\n// "q"\nimport b from "./b.ts"`
  const { code, literals } = lex(text)
  expect(code).toHaveLength(text.length)
  expect(literals.map(({ start, value }) => [text[start], value])).toEqual([
    ['"', "y"],
    ['"', "./b.ts"],
  ])
})
