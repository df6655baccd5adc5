/** What becomes of texts on their way into the projection's tables. */
import { describe, expect, it } from "vitest"
import { rowsJson } from "../../../actors/trace/rows.ts"

describe("the rows of the projection", () => {
  it("have no NUL and no lone surrogate, in values and in names, however deep", () => {
    const rows = [{ metadata: { "a\u0000b": [{ "c\ud800": "d\u0000\udc00" }] }, plain: "🙂", none: null }]
    expect(JSON.parse(rowsJson(rows))).toEqual([
      { metadata: { "a\ufffdb": [{ "c\ufffd": "d\ufffd\ufffd" }] }, plain: "🙂", none: null },
    ])
  })

  it("stay as they are when nothing is wrong with them", () => {
    const rows = [{ metadata: { a: 1, b: ["x", null, true] } }]
    expect(rowsJson(rows)).toBe(JSON.stringify(rows))
  })
})
