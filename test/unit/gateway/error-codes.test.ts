/** Errors are part of the API: each code means one thing with one status, and the description knows it. */
import { describe, expect, it } from "vitest"
import { EngineError } from "../../../engine/index.ts"
import { gatewayErrors } from "../../../gateway/error-codes.ts"
import { errorRows, GatewayError, toGatewayError } from "../../../gateway/errors.ts"
import { Refused, refuse } from "../../../resources/index.ts"
import { typescript } from "../../tidy/sources.ts"

const form = /^[A-Z]{3}(?:_[A-Z0-9]+)+_\d{3}$/

/** What the gateway's own sources throw with a status beside the code. */
const thrown = typescript
  .filter(({ path }) => /^gateway\/(?!client\/|cli\/)/.test(path))
  .flatMap(({ path, text }) =>
    [...text.matchAll(/new GatewayError\(\s*(\d{3}),\s*"(GTW_[A-Z0-9_]+)"/g)].map(([, status, code]) => ({
      path,
      code: code!,
      status: Number(status),
    })),
  )

describe("the codes of errors", () => {
  it("are all in the table when the gateway throws them, with that status", () => {
    expect(thrown.length).toBeGreaterThan(15)
    const wrong = thrown.filter(({ code, status }) => gatewayErrors[code]?.[0] !== status)
    expect(wrong).toEqual([])
  })

  it("have one form and a status of an error, and none is in two tables", () => {
    const all = [...errorRows, ...Object.entries(gatewayErrors)]
    expect(all.filter(([code, [status]]) => !form.test(code) || status < 400 || status > 599)).toEqual([])
    expect(Object.keys(gatewayErrors).filter((code) => errorRows.has(code))).toEqual([])
  })
})

describe("whatever fails", () => {
  it.each([
    [new GatewayError(418, "A_B_001", "no"), 418, "A_B_001"],
    [new EngineError({ code: "Overloaded", detail: "" }), 503, "ENG_LOAD_002"],
    [refuse("stale", "ADM_X_001", "old"), 412, "ADM_X_001"],
    [{ _tag: "SqlError" }, 503, "GTW_SQL_001"],
    [new TypeError("secret"), 500, "GTW_FAIL_001"],
    ["text", 500, "GTW_FAIL_001"],
    [undefined, 500, "GTW_FAIL_001"],
    [null, 500, "GTW_FAIL_001"],
  ])("becomes an error of the API: %s", (failure, status, code) => {
    const error = toGatewayError(failure)
    expect([error.status, error.code]).toEqual([status, code])
    expect(error.message).not.toContain("secret")
  })

  it("keeps what a service refused with", () => {
    const refused = refuse("limit", "ADM_X_002", "too many", { limit: 3 })
    expect(refused).toBeInstanceOf(Refused)
    expect(toGatewayError(refused)).toMatchObject({ status: 429, details: { limit: 3 } })
  })
})
