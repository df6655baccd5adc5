/** The description that is made from the routes: valid, complete, and the same for machines and people. */
import { readFileSync } from "node:fs"
import { Validator } from "@seriousme/openapi-schema-validator"
import { expect, it, describe as suite } from "vitest"
import { routesOf } from "../../../gateway/app.ts"
import { defaultGatewayLimits } from "../../../gateway/config.ts"
import type { GatewayServices } from "../../../gateway/index.ts"
import { describe } from "../../../gateway/openapi/document.ts"
import { docsPage } from "../../../gateway/openapi/page.ts"
import { typescript } from "../../tidy/sources.ts"

const services = { limits: defaultGatewayLimits, login: {} } as unknown as GatewayServices
const endpoints = routesOf(services).map(({ endpoint }) => endpoint)
const document = describe(endpoints, "1.2.3") as {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: {
    readonly schemas: Record<string, { readonly anyOf?: ReadonlyArray<{ enum?: ReadonlyArray<string> }> }>
  }
}

interface Operation {
  readonly operationId: string
  readonly parameters?: ReadonlyArray<{ name: string; in: string; required: boolean; schema: unknown }>
  readonly responses: Record<string, unknown>
  readonly security: ReadonlyArray<unknown>
  readonly "x-millrace-permission": string
}

const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
const operation = (id: string) => operations.find(({ operationId }) => operationId === id)!

suite("the description", () => {
  it("is valid OpenAPI 3.1", async () => {
    const validator = new Validator()
    const result = await validator.validate(structuredClone(document) as never)
    expect(result.errors ?? []).toEqual([])
    expect(validator.version).toBe("3.1")
  })

  it("has every route, and says who may call it", () => {
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
      endpoints.map(({ id }) => id).sort(),
    )
    for (const { id, permission } of endpoints) {
      expect(operation(id)["x-millrace-permission"]).toBe(permission)
      expect(operation(id).security.length).toBe(permission === "public" ? 0 : 1)
    }
  })

  it("takes a colon within a segment for what it is", () => {
    expect(Object.keys(document.paths)).toContain("/message:send")
    expect(Object.keys(document.paths)).toContain("/a2a/agents/{agent}/rest/message:send")
  })

  it("declares each parameter that a path has, and takes no action's name for one", () => {
    expect(Object.keys(document.paths)).toContain("/a2a/agents/{agent}/rest/message:send")
    for (const [path, methods] of Object.entries(document.paths))
      for (const { parameters = [] } of Object.values(methods)) {
        const declared = parameters.filter((parameter) => parameter.in === "path")
        const named = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
        expect(declared.map(({ name }) => name).sort(), path).toEqual(named.sort())
      }
  })

  it("gives what paths and queries hold as what they mean", () => {
    expect(operation("cep.alerts.get").parameters).toMatchObject([
      { name: "fingerprint", in: "path", required: true, schema: { type: "string", maxLength: 64 } },
      { name: "before", in: "query", required: false, schema: { type: "integer", minimum: 1 } },
      { name: "limit", in: "query", required: false, schema: { type: "integer", minimum: 1, maximum: 100 } },
    ])
  })

  it("names the statuses of the errors that a route gives, and has one shape for all others", () => {
    const { responses } = operation("locks.acquire")
    expect(Object.keys(responses)).toEqual(["200", "409", "429", "default"])
    expect(responses.default).toMatchObject({
      content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
    })
  })

  it("refers to nothing that it has not", () => {
    const text = JSON.stringify(document)
    const wanted = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!))
    expect([...wanted].filter((name) => !(name in document.components.schemas))).toEqual([])
  })

  it("lists every code by which a route refuses", () => {
    const codes = new Set(document.components.schemas.ErrorCode!.anyOf!.flatMap((one) => one.enum ?? []))
    const declared = endpoints.flatMap(({ errors = [] }) => errors)
    expect(declared.filter((code) => !codes.has(code))).toEqual([])
    expect([...codes]).toEqual(expect.arrayContaining(["USR_AUTH_001", "ENG_LOAD_002", "OPS_PLAN_001"]))
  })

  it("tells the patterns of texts, which it can where they are Unicode's", () => {
    const patterns = typescript
      .filter(({ path }) => path.startsWith("schemas/"))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/isPattern\((\/.*\/([a-z]*))[),]/g)].map(([, pattern, flags]) => ({
          path,
          pattern,
          flags,
        })),
      )
    expect(patterns.length).toBeGreaterThan(5)
    expect(patterns.filter(({ flags }) => flags !== "u")).toEqual([])
  })

  it("is the same each time", () => {
    expect(JSON.stringify(describe(endpoints, "1.2.3"))).toBe(JSON.stringify(document))
  })
})

suite("the page", () => {
  it("lets exactly its own script and style run, and loads nothing from elsewhere", () => {
    const { html, contentSecurityPolicy } = docsPage()
    expect(contentSecurityPolicy).toMatch(/script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'/)
    expect(contentSecurityPolicy).toContain("default-src 'none'")
    expect(html).not.toMatch(/https?:\/\/|src=|innerHTML/)
    const script = readFileSync(new URL("../../../gateway/openapi/page-script.js", import.meta.url), "utf8")
    expect(html).toContain(script)
  })
})
