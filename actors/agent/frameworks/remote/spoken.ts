/** The words in what an agent gave back, whatever shape it has; the whole of it comes along as data. Pure. */
import type { AnswerBlock } from "../../../../schemas/index.ts"
import { fieldOf } from "./body.ts"
import { remoteLimits } from "./limits.ts"

export interface Spoken {
  readonly text: string
  readonly blocks: ReadonlyArray<AnswerBlock>
}

/** Where agents put what they say, the most telling first. */
const textFields = ["text", "content", "message", "answer", "output", "response", "analysis", "result"]

export const dataBlock = (title: string, value: unknown): ReadonlyArray<AnswerBlock> => {
  const text = JSON.stringify(value, undefined, 2)
  return text === undefined || text.length > remoteLimits.blockCharactersMax
    ? []
    : [{ type: "reference", title, language: "json", text }]
}

interface NamedFile {
  readonly title: string
  readonly mediaType: string
}

const fileOf = (
  { title, mediaType }: NamedFile,
  at: { readonly url: string } | { readonly base64: string },
) => ({
  type: "file" as const,
  title,
  ...(mediaType === "" ? {} : { mediaType }),
  ...at,
})

/** Nothing but an address of the web is given on. */
export const linkBlock = (file: NamedFile, url: string): ReadonlyArray<AnswerBlock> =>
  url.length <= remoteLimits.fileUrlCharactersMax && /^https?:\/\//iu.test(url) && URL.canParse(url)
    ? [fileOf(file, { url })]
    : []

/** A small file goes along itself: nothing here keeps larger ones. */
export const fileBlock = (file: NamedFile, bytes: Uint8Array): ReadonlyArray<AnswerBlock> =>
  bytes.length > remoteLimits.fileBytesMax
    ? []
    : [fileOf(file, { base64: Buffer.from(bytes).toString("base64") })]

/** Data without a text of its own is said as JSON. Nothing at all gives an empty text. */
export const spokenOf = (value: unknown, title: string): Spoken => {
  if (value === null || value === undefined) return { text: "", blocks: [] }
  if (typeof value !== "object") return { text: String(value), blocks: [] }
  const isSaid = (one: unknown) => typeof one === "string" && one.trim() !== ""
  const name = textFields.find((field) => isSaid(fieldOf(value, field)))
  if (name === undefined)
    return { text: JSON.stringify(value, undefined, 2), blocks: dataBlock(title, value) }
  const text = fieldOf(value, name) as string
  return { text, blocks: Object.keys(value).length === 1 ? [] : dataBlock(title, value) }
}
