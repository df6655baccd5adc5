/** Tells of a value that is none of several shapes which of its fields says so: `type`, and what it can be. */
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

/** The texts that a field can be; undefined when it can be anything else. */
const textsOf = (ast: SchemaAST.AST): ReadonlyArray<string> | undefined => {
  if (ast._tag === "Literal") return typeof ast.literal === "string" ? [ast.literal] : undefined
  if (ast._tag !== "Union") return undefined
  const texts = ast.types.map(textsOf)
  return texts.every((some) => some !== undefined) ? texts.flat() : undefined
}

const fieldsOf = (ast: SchemaAST.AST): ReadonlyMap<PropertyKey, ReadonlyArray<string>> => {
  if (ast._tag !== "Objects") return new Map()
  return new Map(
    ast.propertySignatures.flatMap(({ name, type }) => {
      const texts = textsOf(type)
      return texts === undefined ? [] : [[name, texts] as const]
    }),
  )
}

/** The field by which the members of a union differ, and what it is in any of them. */
const tellingField = ({
  types,
}: SchemaAST.Union): readonly [PropertyKey, ReadonlyArray<string>] | undefined => {
  const [first, ...others] = types.map(fieldsOf)
  for (const [name, texts] of first ?? []) {
    const all = others.map((fields) => fields.get(name))
    if (all.every((some) => some !== undefined)) return [name, [...texts, ...all.flat()]]
  }
  return undefined
}

/** Whether the field itself is what a member does not take. */
const isAbout = (issue: SchemaIssue.Issue, field: PropertyKey): boolean =>
  issue._tag === "Composite"
    ? issue.issues.some((one) => isAbout(one, field))
    : issue._tag === "Pointer" && issue.path[0] === field

/** The same issue, with the field and its values in place of the shapes of a union. */
export const withTellingFields = (issue: SchemaIssue.Issue): SchemaIssue.Issue => {
  switch (issue._tag) {
    case "Pointer":
      return new SchemaIssue.Pointer(issue.path, withTellingFields(issue.issue))
    case "Composite": {
      const [first, ...others] = issue.issues
      return new SchemaIssue.Composite(issue.ast, [
        withTellingFields(first),
        ...others.map(withTellingFields),
      ])
    }
    case "AnyOf": {
      const field = tellingField(issue.ast)
      if (field === undefined || !issue.issues.every((one) => isAbout(one, field[0])))
        return new SchemaIssue.AnyOf(issue.ast, issue.issues.map(withTellingFields))
      const expected = `one of ${field[1].map((text) => JSON.stringify(text)).join(", ")}`
      return new SchemaIssue.Pointer([field[0]], new SchemaIssue.InvalidValue({ expected }))
    }
    default:
      return issue
  }
}
