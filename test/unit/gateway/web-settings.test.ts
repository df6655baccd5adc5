/** Which sites' pages may call, and where people reach the node, as the environment says it. */
import { describe, expect, it } from "vitest"
import { makeWebPolicy } from "../../../gateway/index.ts"
import { readSettings } from "../../../settings.ts"

const web = (environment: NodeJS.ProcessEnv) => readSettings(environment).web

describe("CORS_ORIGINS", () => {
  it("is a list of exact origins, empty by default", () => {
    expect(web({}).corsOrigins).toEqual([])
    expect(web({ CORS_ORIGINS: "https://a.example, http://b.example:8080" }).corsOrigins).toEqual([
      "https://a.example",
      "http://b.example:8080",
    ])
  })

  it.each(["*", "https://a.example/", "https://*.example", "a.example", "https://A.example", "null"])(
    "is refused with %s, which no page has as its origin",
    (origin) => expect(() => web({ CORS_ORIGINS: origin })).toThrow("CORS_ORIGINS"),
  )
})

describe("MILLRACE_PUBLIC_URL", () => {
  it.each(["node.example", "ftp://node.example", "https://node.example/path"])("is refused with %s", (url) =>
    expect(() => web({ MILLRACE_PUBLIC_URL: url })).toThrow("MILLRACE_PUBLIC_URL"),
  )

  it("has browsers keep to https only where it is https", () => {
    const header = (publicUrl: string | undefined) =>
      makeWebPolicy({ publicUrl, corsOrigins: [] }).headersFor(undefined)["Strict-Transport-Security"]
    expect(header("https://node.example")).toBeDefined()
    expect([header("http://node.example"), header(undefined)]).toEqual([undefined, undefined])
  })
})
