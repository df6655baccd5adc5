/** What the fuzz test calls a finding, on answers made up for it. */
import { describe, expect, it } from "vitest"
import { type Answer, answerCheck } from "../../support/fuzz/answer-check.ts"
import type { Draft } from "../../support/fuzz/draft.ts"
import { type OpenApi, operationsOf, validatorOf } from "../../support/fuzz/openapi.ts"

const json = (schema: Readonly<Record<string, unknown>>) => ({ content: { "application/json": { schema } } })
const thing = {
  type: "object",
  properties: { name: { type: "string", maxLength: 3 } },
  required: ["name"],
  additionalProperties: false,
}
const error = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: { code: { $ref: "#/components/schemas/ErrorCode" } },
      required: ["code"],
    },
  },
  required: ["error"],
}
const document: OpenApi = {
  paths: {
    "/things": {
      post: {
        operationId: "things.make",
        requestBody: json(thing),
        responses: {
          "201": json({ $ref: "#/components/schemas/Thing" }),
          "503": json(error),
          default: json(error),
        },
        "x-millrace-permission": "login",
      },
    },
  },
  components: {
    schemas: {
      Thing: thing,
      ErrorCode: { anyOf: [{ enum: ["KNOWN_1", "GTW_BODY_006"] }, { type: "string" }] },
    },
  },
}
const [operation] = operationsOf(document)
const check = answerCheck(document, validatorOf(document))
const draft: Draft = {
  method: "POST",
  area: "/things",
  segments: ["", "things"],
  query: [],
  headers: {},
  body: { name: "a" },
  broken: [],
}
const headers = {
  "content-type": "application/json; charset=UTF-8",
  "x-request-id": "r",
  "x-process-time": "0",
  traceparent: "t",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'",
  "cache-control": "no-store",
}
const answer = (status: number, body: unknown, more: Answer["headers"] = {}): Answer => ({
  status,
  headers: { ...headers, ...more },
  text: typeof body === "string" ? body : JSON.stringify(body),
})
const failed = (code: string, more = {}) => ({ error: { code, ...more } })
const findings = (given: Answer, of: Partial<Draft> = {}) => check(operation!, { ...draft, ...of }, given)

describe("the check of an answer", () => {
  it("finds nothing in what is described", () => {
    expect(findings(answer(201, { name: "a" }))).toEqual([])
    expect(findings(answer(409, failed("KNOWN_1")))).toEqual([])
    expect(findings(answer(503, failed("KNOWN_1"), { "retry-after": "1" }))).toEqual([])
  })

  it.each<[string, Answer, Partial<Draft>?]>([
    ["a status that is not described", answer(200, { name: "a" })],
    ["a field too many", answer(201, { name: "a", more: 1 })],
    ["a body that is no JSON", answer(201, "{")],
    ["another content type", answer(201, { name: "a" }, { "content-type": "text/html" })],
    ["a header that is missing", answer(201, { name: "a" }, { "x-frame-options": undefined })],
    ["a code that is not described", answer(409, failed("UNKNOWN_1"))],
    ["a defect", answer(500, failed("KNOWN_1"))],
    ["a failure that is not announced", answer(502, failed("KNOWN_1"))],
    ["503 without a time", answer(503, failed("KNOWN_1"))],
    ["401 without a challenge", answer(401, failed("KNOWN_1"))],
    ["a stack trace", answer(409, failed("KNOWN_1", { message: "x\n    at run (a.ts:3)" }))],
    ["a valid body that is refused for its form", answer(400, failed("GTW_BODY_006"))],
    [
      "an invalid body that is taken",
      answer(201, { name: "a" }),
      { body: { name: "long" }, broken: ["a field"] },
    ],
  ])("finds %s", (_, given, of) => {
    expect(findings(given, of).length).toBeGreaterThan(0)
  })
})
