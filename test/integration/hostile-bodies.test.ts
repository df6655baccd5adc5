/** Bodies that say what they are not, or mean two things to two readers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rawCodeOf as codeOf, rawRequests } from "../support/raw-request.ts"

let node: TestNode
beforeAll(async () => {
  node = await startTestNode()
})
afterAll(() => node.stop())

const { send: raw, post } = rawRequests(() => node)

describe("a body", () => {
  const target = "/api/locks/hostile/acquire"
  const good = '{"owner":"a","ttl_ms":1000}'

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonp",
    "text/json",
    "application/json-evil",
    "application/json, text/plain",
  ])("is JSON and nothing else: %s", async (type) => {
    const answer = await raw({ method: "POST", target, body: good, headers: [`Content-Type: ${type}`] })
    expect([answer.status, codeOf(answer)]).toEqual([415, "GTW_BODY_002"])
  })

  it.each([
    [
      "twice the same field with another value counts once, as the last",
      '{"owner":"a","ttl_ms":-1,"ttl_ms":1000}',
      200,
    ],
    ["a number beyond all numbers", '{"owner":"a","ttl_ms":1e999}', 400],
    ["a number that loses digits", '{"owner":"a","ttl_ms":90071992547409931}', 400],
    ["a number as text", '{"owner":"a","ttl_ms":"1000"}', 400],
    ["half a millisecond", '{"owner":"a","ttl_ms":1000.5}', 400],
    ["__proto__", '{"owner":"a","ttl_ms":1000,"__proto__":{"isAdmin":true}}', 400],
    ["constructor", '{"owner":"a","ttl_ms":1000,"constructor":{"prototype":{"x":1}}}', 400],
    ["an array", '[{"owner":"a","ttl_ms":1000}]', 400],
    ["null", "null", 400],
    ["a number", "1", 400],
    ["two values", '{"owner":"a","ttl_ms":1000}{}', 400],
    ["a comment", '{"owner":"a",/**/"ttl_ms":1000}', 400],
    ["a byte order mark", '\ufeff{"owner":"a","ttl_ms":1000}', 400],
    ["NaN", '{"owner":"a","ttl_ms":NaN}', 400],
    ["a NUL", '{"owner":"a\\u0000","ttl_ms":1000}', 400],
    ["half a character", '{"owner":"\\ud800","ttl_ms":1000}', 400],
    ["much nesting", `{"owner":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, 400],
  ])("holds %s", async (_, body, status) => {
    expect((await post(target.replace("hostile", `l${status}${body.length}`), body)).status).toBe(status)
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })

  it("that is compressed, or in another character set's bytes, is not taken", async () => {
    const zipped = await post(target, good, ["Content-Encoding: gzip"])
    expect([zipped.status, codeOf(zipped)]).toEqual([415, "GTW_BODY_002"])
    const response = await fetch(node.url + target, {
      method: "POST",
      headers: { authorization: `Bearer ${node.token}`, "content-type": "application/json; charset=utf-16" },
      body: Buffer.from(good, "utf16le"),
    })
    expect(await errorOf(response)).toMatchObject({ status: 400, code: "GTW_BODY_004" })
  })

  it("of millions of parts is refused as fast as it is read, and not by naming each part", async () => {
    const many = (count: number, part: (index: number) => string) =>
      Array.from({ length: count }, (_, n) => part(n)).join()
    const bodies = [
      `{${many(250_000, (n) => `"k${n}":1`)}}`,
      `{"model":"offline","messages":[${many(250_000, () => "{}")}]}`,
      `{"a":${"[".repeat(1_500_000)}${"]".repeat(1_500_000)}}`,
      `{"a":"${'\\\\"'.repeat(900_000)}"}`,
    ]
    // Eighty of them: where each costs seconds, this takes minutes.
    for (let round = 0; round < 20; round++)
      for (const body of bodies) {
        const response = await node.request("POST", "/v1/chat/completions", { body })
        const text = await response.text()
        expect([response.status, text.length < 2_000]).toEqual([400, true])
      }
  })

  it.each([1e308, 8_640_000_000_000_001, 253_402_300_800_000, -1])(
    "holds no time of a sample that nobody could be shown: %d",
    async (at) => {
      const body = { samples: [{ name: "hostile_metric", value: 1, at }] }
      expect((await node.request("POST", "/api/cep/metrics", { body })).status).toBe(400)
    },
  )
})
