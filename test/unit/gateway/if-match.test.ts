/** Versions as entity tags, by RFC 9110. */
import { describe, expect, it } from "vitest"
import { etag, ifMatch, noneMatch } from "../../../gateway/if-match.ts"
import type { GatewayRequest } from "../../../gateway/route.ts"

const asked = (header: string | undefined) =>
  ifMatch({ http: { env: { incoming: { headers: { "if-match": header } } } } } as unknown as GatewayRequest)

describe("an edit", () => {
  it("is based on the version whose tag it sends", () => expect(asked(etag(7))).toBe(7))

  it.each([undefined, "*"])("is based on any version with %s", (header) =>
    expect(asked(header)).toBeUndefined(),
  )

  it.each(["", "7", '"7', '"1", "2"', "W/7"])("is refused as malformed with %s", (header) =>
    expect(() => asked(header)).toThrow(expect.objectContaining({ status: 400, code: "GTW_HEAD_003" })),
  )

  it.each(['W/"7"', '"seven"', '""'])(
    "is of no version with %s, since tags are compared strongly",
    (header) => expect(() => asked(header)).toThrow(expect.objectContaining({ status: 412 })),
  )
})

describe("a reader", () => {
  it.each([
    ['"7"', true],
    ['W/"7"', true],
    ['"6", W/"7"', true],
    ["*", true],
    ['"8"', false],
    ["7", false],
    [undefined, false],
  ])("with %s has it already: %s", (header, known) => expect(noneMatch(header, etag(7))).toBe(known))
})
