/** What of a body in YAML is read, and what is refused before it costs anything. */
import type { IncomingMessage } from "node:http"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import type { GatewayError } from "../../../gateway/errors.ts"
import { readYamlOrJson, yamlTokensMax } from "../../../gateway/http/yaml-body.ts"

const read = (text: string) => {
  const headers = { "content-type": "application/yaml", "content-length": String(Buffer.byteLength(text)) }
  const request = Object.assign(Readable.from([Buffer.from(text)]), { headers })
  return readYamlOrJson(request as unknown as IncomingMessage, 1_000_000, 32)
}
const refusal = async (text: string): Promise<unknown> => {
  const error = await read(text).then(
    () => undefined,
    (refused: unknown) => refused,
  )
  return error
}
const notYaml = (reason: string) => ({ code: "GTW_BODY_004", status: 400, details: { reason } })

const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n")

describe("a body in YAML", () => {
  it("is read with texts, numbers, lists and fields within fields", async () => {
    const text = 'name: "a: b, c"\nlabels: { team: shop }\nlevels:\n  - severity: critical\n    above: 5\n'
    expect(await read(text)).toEqual({
      name: "a: b, c",
      labels: { team: "shop" },
      levels: [{ severity: "critical", above: 5 }],
    })
  })

  it.each([
    ["name: a\nname: b\n", "line 2, column 1", "name"],
    ["labels: { a: 1, b: 2, a: 3 }\n", "line 1, column 23", "a"],
    ['levels:\n  - x: 1\n    "x": 2\n', "line 3, column 5", "x"],
    ["1: a\n'1': b\n", "line 2, column 1", "1"],
  ])("that has a field twice is refused with where, and which: %j", async (text, place, field) => {
    const error = await refusal(text)
    expect(error).toMatchObject(notYaml(`${place}: the field "${field}" is there twice`))
    expect(error).toMatchObject({ details: { remedy: "keep one of the two" } })
  })

  it.each([
    ["name: a\n\tb: c\n", /^line 2, column 1: Tabs are not allowed as indentation/],
    ["name: a\ntrigger: { type: metric\n", /^line 3, column 1: /],
    ["name: a\n  condition: b\n", /^line \d, column \d+: /],
    ['name: "secret\n', /^line \d, column \d+: Missing closing/],
  ])(
    "that cannot be read is refused with the line, in words, and without what stands there: %j",
    async (text, said) => {
      const error = (await refusal(text)) as GatewayError
      expect(error.details).toMatchObject({
        reason: expect.stringMatching(said),
        remedy: expect.stringMatching(/^correct it there/),
      })
      expect(JSON.stringify(error.details)).not.toContain("secret")
    },
  )

  it("may have a field of the same name in several places", async () => {
    expect(await read("a: { x: 1 }\nb: { x: 1 }\nc: [{ x: 1 }, { x: 1 }]\n")).toMatchObject({
      b: { x: 1 },
    })
  })

  it("is refused before it is taken apart when it has more fields and items than any rule", async () => {
    const reason = notYaml("it has more than 20000 words and marks, which are about 2500 fields")
    const fields = (count: number) => lines(count, (index) => `k${index}: 1`)
    expect(Object.keys((await read(fields(yamlTokensMax / 10))) as object)).toHaveLength(yamlTokensMax / 10)
    expect(await refusal(fields(yamlTokensMax / 4))).toMatchObject(reason)
    expect(await refusal(`list:\n${lines(yamlTokensMax / 4, () => "- 1")}`)).toMatchObject(reason)
    expect(await refusal(`list: [${"1,".repeat(yamlTokensMax / 2)}]`)).toMatchObject(reason)
    expect(await refusal(`list: ${"}".repeat(yamlTokensMax)}`)).toMatchObject(reason)
    // What stands in a text is one word.
    const long = "a, b: c - d? ".repeat(2_000)
    expect(await read(`description: "${long}"\nother: |\n  ${long}\n`)).toMatchObject({ description: long })
  })

  it("is refused with aliases, tags, and a second document", async () => {
    expect(await refusal("a: &x 1\nb: *x\n")).toMatchObject(notYaml("it has aliases"))
    expect(await refusal("a: !made up\n")).toMatchObject({ code: "GTW_BODY_004" })
    expect(await refusal("a: 1\n---\nb: 2\n")).toMatchObject({ code: "GTW_BODY_004" })
  })
})
