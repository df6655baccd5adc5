/** Bodies that may be YAML: read within limits of their own, since reading YAML costs far more than reading JSON. */
import type { IncomingMessage } from "node:http"
import { type Document, isPair, isScalar, Lexer, LineCounter, parseDocument, visit } from "yaml"
import { GatewayError } from "../errors.ts"
import { type JsonObject, readBodyText, readObject } from "./body.ts"
import { checkContent } from "./json-content.ts"

const yamlBytesMax = 64 * 1024
/** Words, marks, spaces and ends of lines: a field on a line of its own has eight. */
export const yamlTokensMax = 20_000
const yamlType = /^(?:application|text)\/(?:x-)?yaml\s*(?:;|$)/i

/** Characters of what the reader says, and of a name, that are told. */
const toldCharactersMax = 160

const notYaml = (
  reason: string,
  remedy = "send one document of YAML 1.2 without aliases and tags, or JSON",
) => new GatewayError(400, "GTW_BODY_004", "The body is not valid YAML.", { reason, remedy })

const correct = "correct it there: fields are written as `name: value`, with spaces and no tabs before them"

/** The reader quotes what it could not read, which may be secret. */
const saidOf = (message: string): string =>
  message.replace(/:? *["'\n][\s\S]*$/, "").slice(0, toldCharactersMax)

const placeOf = (lines: LineCounter, offset: number): string => {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}`
}

/** Found at a small part of what it costs to read them. */
const hasTooManyTokens = (text: string): boolean => {
  let tokens = 0
  for (const _ of new Lexer().lex(text)) if (++tokens > yamlTokensMax) return true
  return false
}

/** Where a name stands for the second time; the reader's own look compares each name with each. */
const repeatedName = (document: Document): { readonly name: string; readonly at: number } | undefined => {
  let found: { readonly name: string; readonly at: number } | undefined
  visit(document, {
    Map: (_, { items }) => {
      const names = new Set<unknown>()
      for (const item of items) {
        const name = isPair(item) && isScalar(item.key) ? item.key : undefined
        if (name === undefined) continue
        if (names.has(name.value)) {
          found = { name: String(name.value).slice(0, toldCharactersMax), at: name.range?.[0] ?? 0 }
          return visit.BREAK
        }
        names.add(name.value)
      }
      return undefined
    },
  })
  return found
}

const tooManyTokens = `it has more than ${yamlTokensMax} words and marks, which are about ${yamlTokensMax / 8} fields`

const parsed = (text: string): unknown => {
  try {
    if (hasTooManyTokens(text)) throw notYaml(tooManyTokens)
    const lines = new LineCounter()
    const document = parseDocument(text, {
      lineCounter: lines,
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: false,
      stringKeys: true,
      prettyErrors: false,
      logLevel: "error",
    })
    const [first] = [...document.errors, ...document.warnings]
    if (first !== undefined)
      throw notYaml(`${placeOf(lines, first.pos[0])}: ${saidOf(first.message)}`, correct)
    const repeated = repeatedName(document)
    if (repeated !== undefined)
      throw notYaml(
        `${placeOf(lines, repeated.at)}: the field "${repeated.name}" is there twice`,
        "keep one of the two",
      )
    // An alias repeats what it names: a few of them make a small text a very large value.
    return document.toJS({ maxAliasCount: 0 })
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw notYaml(/alias/i.test(String(cause)) ? "it has aliases" : "it cannot be read")
  }
}

/** Nesting as its lines and brackets show it: the reader calls itself for each. */
const isNestedDeeper = (text: string, depthMax: number): boolean => {
  let open = 0
  for (const character of text) {
    if (character === "[" || character === "{") open += 1
    if ((character === "]" || character === "}") && open > 0) open -= 1
    if (open > depthMax) return true
  }
  return new RegExp(`^(?:[-?:] *){${depthMax + 1}}|^ {${depthMax * 8},}`, "m").test(text)
}

/** YAML when the request says so, else JSON. Errors: as those of `readObject`. */
export const readYamlOrJson = async (
  request: IncomingMessage,
  bytesMax: number,
  depthMax: number,
): Promise<JsonObject> => {
  const { "content-type": type = "", "content-encoding": encoding = "identity" } = request.headers
  if (!yamlType.test(type) || encoding !== "identity") return readObject(request, bytesMax, depthMax)
  const text = await readBodyText(request, Math.min(yamlBytesMax, bytesMax))
  if (isNestedDeeper(text, depthMax)) throw notYaml("it is nested too deep")
  const value = parsed(text)
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new GatewayError(400, "GTW_BODY_005", "The body has to be an object.")
  checkContent(value, depthMax)
  return value as JsonObject
}
