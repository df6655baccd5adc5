import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { textPattern } from "../../../../../actors/cep/expression/text-pattern.ts"

const test = (pattern: string, text: string): boolean => {
  const made = textPattern(pattern)
  if ("refused" in made) throw new Error(made.refused)
  return made.test(text)
}

/** Over a small alphabet, so that they often fit; groups in groups are few, for the other engine goes back and forth. */
const single = fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "[a-b]", "\\w", "\\d", "\\.")
const ends = fc.constantFrom("^", "$", "")
const times = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}")
const joined = (atoms: fc.Arbitrary<string>) =>
  fc
    .array(fc.oneof({ arbitrary: fc.tuple(atoms, times), weight: 6 }, fc.tuple(ends, fc.constant(""))), {
      maxLength: 3,
    })
    .chain((parts) => fc.constantFrom("", "|").map((joint) => parts.map((part) => part.join("")).join(joint)))
const grouped = (inner: fc.Arbitrary<string>) =>
  fc.tuple(fc.constantFrom("(", "(?:"), inner).map(([open, pattern]) => `${open}${pattern})`)
const patterns = joined(fc.oneof(single, grouped(joined(fc.oneof(single, grouped(joined(single)))))))

describe("a regular expression of a condition", () => {
  it("finds what the regular expressions of the language find", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "b", "c", ".", "1", "\n"), maxLength: 6 })
    fc.assert(
      fc.property(patterns, fc.boolean(), texts, (inner, whole, text) => {
        const pattern = whole ? `^(?:${inner})$` : inner
        const made = textPattern(pattern)
        fc.pre(!("refused" in made && made.refused.includes("steps")))
        expect(test(pattern, text)).toBe(new RegExp(pattern, "u").test(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ["^web-[0-9]{2}$", "web-07", true],
    ["^web-[0-9]{2}$", "web-7", false],
    ["prod|stage", "eu-stage-1", true],
    ["[\\w.]+@example\\.org", "to: a.b@example.org", true],
    ["^(a|b)*c$", "ababc", true],
    ["^.$", "😀", true],
    ["[]a]", "]", true],
    ["a{,2}", "a{,2}", true],
    ["", "", true],
  ])("%s on %s: %s", (pattern, text, found) => {
    expect(test(pattern, text)).toBe(found)
  })

  it("answers on texts that take other engines longer than the universe lasts", () => {
    expect(test("^(a+)+$", `${"a".repeat(4_000)}b`)).toBe(false)
    expect(test("^(a|aa)+$", `${"a".repeat(4_000)}b`)).toBe(false)
    expect(test("(.*a){12}b", "a".repeat(1_000))).toBe(false)
  })

  it.each([
    ["(?=a)", "looking ahead"],
    ["(a)\\1", "\\1"],
    ["a**", "repeats a repetition"],
    ["*a", "repeats nothing"],
    ["(a", 'without a ")"'],
    ["a)", 'without a "("'],
    ["[a", 'without a "]"'],
    ["[b-a]", "empty"],
    ["a{3,2}", "more often than at most"],
    ["a{101}", "more than 100 times"],
    ["((a{100}){100}){100}", "more than 500 steps"],
    ["a\\", 'ends with a "\\"'],
    ["\\pL", "\\p"],
  ])("%s is refused: %s", (pattern, reason) => {
    const made = textPattern(pattern)
    expect("refused" in made ? made.refused : "taken").toContain(reason)
  })
})
