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

/** Names that are told of an object that something else stands for. */
const toldNamesMax = 16

const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => String(name)) : []

/** Something else where an object has to be: which fields that has. */
const objectOf = (issue: SchemaIssue.InvalidType): SchemaIssue.Issue => {
  const names = namesOf(issue.ast)
  if (names.length === 0) return issue
  const told = names.slice(0, toldNamesMax).join(", ")
  return new SchemaIssue.InvalidValue({ expected: `an object with ${told}` })
}

export interface UnknownField {
  readonly known: ReadonlyArray<string>
  /** The one field that is missing beside it. */
  readonly meant?: string
}

/** By its path with dots: of each field that is not known, which there are. */
export const unknownFieldsOf = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<PropertyKey> = [],
  found: Map<string, UnknownField> = new Map(),
): ReadonlyMap<string, UnknownField> => {
  switch (issue._tag) {
    case "Pointer":
      if (issue.issue._tag === "UnexpectedKey")
        found.set([...path, ...issue.path].map(String).join("."), { known: namesOf(issue.issue.ast) })
      else unknownFieldsOf(issue.issue, [...path, ...issue.path], found)
      break
    case "AnyOf":
      for (const one of issue.issues) unknownFieldsOf(one, path, found)
      break
    case "Composite": {
      for (const one of issue.issues) unknownFieldsOf(one, path, found)
      const missing = issue.issues.flatMap((one) =>
        one._tag === "Pointer" && one.issue._tag === "MissingKey" ? [String(one.path[0])] : [],
      )
      const stray = issue.issues.flatMap((one) =>
        one._tag === "Pointer" && one.issue._tag === "UnexpectedKey" ? [String(one.path[0])] : [],
      )
      if (missing.length !== 1 || stray.length !== 1) break
      const name = [...path.map(String), stray[0]!].join(".")
      const { known = [] } = found.get(name) ?? {}
      found.set(name, { known, meant: missing[0]! })
      break
    }
  }
  return found
}

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
    case "InvalidType":
      return objectOf(issue)
    default:
      return issue
  }
}
