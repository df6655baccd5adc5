/**
 * Versions of what is edited, as entity tags: an answer gives `ETag: "7"`, an edit sends it back as `If-Match`, and a
 * reader as `If-None-Match`. Source: RFC 9110 §8.8.3, §13.1.1, §13.1.2.
 */
import { GatewayError } from "./errors.ts"
import type { GatewayRequest } from "./route.ts"

const versionTag = /^"(\d{1,15})"$/
const anyTag = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/
const tagsInList = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

/** The strong tag of a version: it names the very bytes, so that such an answer is never compressed on the way. */
export const etag = (version: number): string => `"${version}"`

const malformed = (reason: string) =>
  new GatewayError(400, "GTW_HEAD_003", "The If-Match header is not valid.", {
    field: "If-Match",
    reason,
    remedy: 'send the ETag of the last answer, such as "7" with its quotation marks',
  })

/**
 * The version that an edit says it is based on; undefined without the header, or with `*`, which any version meets.
 * Errors: 400 `GTW_HEAD_003`; 412 `GTW_MATCH_001` for a tag that can be of no version, since `If-Match` compares strongly.
 */
export const ifMatch = ({ http }: Pick<GatewayRequest, "http">): number | undefined => {
  const header = http.env.incoming.headers["if-match"]?.trim()
  if (header === undefined || header === "*") return undefined
  const version = versionTag.exec(header)?.[1]
  if (version !== undefined) return Number(version)
  if (header === "") throw malformed("it is empty")
  if (!anyTag.test(header))
    throw malformed(header.includes(",") ? "one tag is taken, not several" : "this is no entity tag")
  throw new GatewayError(412, "GTW_MATCH_001", "This tag is of no version of what is edited.", {
    field: "If-Match",
    reason: header.startsWith("W/") ? "weak tags never match here" : "no version has this tag",
    remedy: "read it again, and send the ETag of that answer",
  })
}

const opaque = (tag: string): string => (tag.startsWith("W/") ? tag.slice(2) : tag)

/** Whether a reader has this already; tags are compared weakly. */
export const noneMatch = (header: string | undefined, tag: string): boolean => {
  if (header === undefined) return false
  if (header.trim() === "*") return true
  return (header.match(tagsInList) ?? []).some((known) => opaque(known) === opaque(tag))
}
