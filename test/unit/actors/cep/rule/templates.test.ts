import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { compileRule } from "../../../../../actors/cep/rule/compile-rule.ts"
import { ruleTemplates } from "../../../../../actors/cep/rule/templates.ts"
import { RuleDocument } from "../../../../../schemas/index.ts"

const template = (id: string) => {
  const found = ruleTemplates.find((one) => one.id === id)
  if (found === undefined) throw new Error(id)
  return found
}

describe("a template of rules", () => {
  it.each(ruleTemplates.map(({ id }) => id))("%s makes a rule of its defaults that can be taken", (id) => {
    const document = Schema.decodeUnknownSync(RuleDocument)(template(id).make({}))
    const made = compileRule("r1", 1, document)
    expect("problems" in made ? made.problems : []).toEqual([])
  })

  it("uses the values that it is given", () => {
    const document = template("static-threshold").make({
      metric: "load",
      threshold: 3,
      clear: "2",
      group_by: "",
    })
    expect(document).toMatchObject({
      trigger: { metric: "load" },
      condition: "value > 3",
      clear: "value <= 2",
    })
    expect(document.group_by).toBeUndefined()
    expect(template("absence").make({ group_by: "host, core" }).group_by).toEqual(["host", "core"])
  })

  it("of an error budget has the burn rate of the workbook", () => {
    expect(template("error-budget-burn").make({}).condition).toBe(
      "errors_long / total_long > 0.0144 && errors_short / total_short > 0.0144",
    )
  })
})
