/** Lengths of time as rule authors write them. */
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { DurationText, durationMs, durationText } from "../../../schemas/cep/duration.ts"

const read = Schema.decodeUnknownSync(DurationText)

describe("a length of time", () => {
  it.each([
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["7d", 604_800_000],
    ["250ms", 250],
    ["0", 0],
  ])("%s is %d milliseconds, and is written so again", (text, ms) => {
    expect(durationMs(read(text))).toBe(ms)
    expect(durationMs(durationText(ms))).toBe(ms)
  })

  it.each(["10x", "5 minutes", "", "m5", "30m1h", 30])("refuses %j and says what one looks like", (text) => {
    expect(() => read(text)).toThrow(text === 30 ? /Expected string/ : /Expected a .*30s|length of at least/)
  })
})
