/** Rules over HTTP, on a whole node: how they are written, refused, found, switched, restored and removed. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { queueRule as document, rulesPath as rules, rulesOn } from "../support/rules.ts"

let node: TestNode
let reader: string
beforeAll(async () => {
  node = await startTestNode()
  reader = await node.narrow(await node.login("developer"), ["cep:read"])
}, 120_000)
afterAll(() => node?.stop())

const { put } = rulesOn(() => node)
const yaml = (body: string) =>
  node.request("PUT", `${rules}/yaml`, { body, headers: { "content-type": "application/yaml" } })
const listed = async (query: string) => {
  const { rules: found } = await json(await node.request("GET", `${rules}?${query}`))
  return (found as ReadonlyArray<{ readonly rule_id: string }>).map(({ rule_id }) => rule_id)
}

describe("a rule", () => {
  it("is made, read, changed and removed, each with its entity tag", async () => {
    const made = await node.request("POST", rules, { body: { rule_id: "life", ...document } })
    expect(made.status).toBe(201)
    expect(made.headers.get("etag")).toBe('"1"')
    expect(await json(made)).toMatchObject({
      rule_id: "life",
      version: 1,
      number: 1,
      document: { ...document, enabled: true, owner: "developer" },
      updated_by: "developer",
    })
    expect((await put("life", document)).headers.get("etag")).toBe('"1"')
    const edit = { ...document, condition: "value > 200.0" }
    expect(await errorOf(await put("life", edit, { "if-match": '"7"' }))).toMatchObject({
      status: 412,
      code: "CEP_RULE_003",
      details: { number: 1 },
    })
    expect(await json(await put("life", edit, { "if-match": '"1"' }))).toMatchObject({
      version: 2,
      number: 2,
    })
    const off = await json(await node.request("POST", `${rules}/life/disable`))
    expect(off).toMatchObject({ version: 2, number: 3, document: { enabled: false } })
    // Who leaves out whether it runs, leaves it as it is.
    expect(await json(await put("life", document))).toMatchObject({ document: { enabled: false } })
    expect(await json(await node.request("POST", `${rules}/life/enable`))).toMatchObject({ number: 5 })
    expect((await node.request("DELETE", `${rules}/life`)).status).toBe(204)
    expect((await node.request("GET", `${rules}/life`)).status).toBe(404)
    const back = await json(await node.request("POST", `${rules}/life/versions/2/restore`))
    expect(back).toMatchObject({ version: 4, document: { condition: "value > 200.0" } })
    const { versions } = await json(await node.request("GET", `${rules}/life/versions`))
    expect(versions).toMatchObject([
      { version: 4, restored: 2 },
      { version: 3 },
      { version: 2 },
      { version: 1 },
    ])
    expect(await errorOf(await node.request("POST", `${rules}/life/versions/99/restore`))).toMatchObject({
      code: "CEP_RULE_004",
    })
  })

  it("has each change in the audit log, with who made it", async () => {
    await put("audited", document)
    await node.request("POST", `${rules}/audited/disable`)
    await node.request("DELETE", `${rules}/audited`)
    const { entries } = await json(await node.request("GET", "/api/admin/audit-log/?object_id=audited"))
    const actions = (entries as ReadonlyArray<{ readonly action: string; readonly actor: string }>).map(
      ({ action, actor }) => `${action} ${actor}`,
    )
    expect(actions.toSorted()).toEqual([
      "rule.create developer",
      "rule.disable developer",
      "rule.remove developer",
    ])
  })

  it("is taken as the page on rules shows one", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/rules.md"), "utf8")
    const [, text = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
    expect(await json(await yaml(text))).toMatchObject({
      document: { name: "Checkout is slow", enabled: true },
    })
  })

  it("is written in YAML too", async () => {
    const text = `
name: Checkout is slow
trigger: { type: metric, metric: checkout_seconds, where: { region: eu } }
group_by: [shop]
aggregates:
  p95:
    function: percentile
    percentile: 95
    window: { type: sliding, size: 5m }
condition: p95 > 2.0
for: 1m
levels:
  - { severity: critical, condition: p95 > 5.0 }
annotations:
  summary: |
    {{ labels.shop }} takes {{ p95 }} s
`
    const made = await yaml(text)
    expect(await json(made)).toMatchObject({
      document: { aggregates: { p95: { percentile: 95 } }, for: "1m", levels: [{ severity: "critical" }] },
    })
  })

  const aliases = `a: &a [x, x]\n${"bcdefghi"
    .split("")
    .map((name, index) => `${name}: &${name} [*${"abcdefgh"[index]}, *${"abcdefgh"[index]}]`)
    .join("\n")}`
  it.each([
    ["aliases that repeat themselves", aliases, "GTW_BODY_004"],
    ["an alias at all", "name: &n x\ntrigger: *n", "GTW_BODY_004"],
    ["a merge", "base: &b { name: x }\n<<: *b", "GTW_BODY_004"],
    ["a tag of its own", "name: !!js/function 'x'", "GTW_BODY_004"],
    ["a field twice", "name: a\nname: b", "GTW_BODY_004"],
    ["two documents", "name: a\n---\nname: b", "GTW_BODY_004"],
    ["a list", "- name", "GTW_BODY_005"],
    ["brackets without end", "[".repeat(60_000), "GTW_BODY_004"],
    ["lists in lists", `${"- ".repeat(20_000)}x`, "GTW_BODY_004"],
    ["a field that changes objects", "__proto__: { a: 1 }", "GTW_BODY_006"],
    ["an unknown field", "nam: x", "GTW_BODY_006"],
    ["half a text", "name: 'x", "GTW_BODY_004"],
    ["no number at all", "name: x\ntrigger: { type: metric, metric: m }\nlabels: { a: 1 }", "GTW_BODY_006"],
  ])("is refused as YAML with %s", async (_, body, code) => {
    expect(await errorOf(await yaml(body))).toMatchObject({ status: 400, code })
  })

  it("is refused as YAML that is too large", async () => {
    expect(await errorOf(await yaml(`name: ${"x".repeat(70_000)}`))).toMatchObject({ code: "GTW_BODY_001" })
  })

  it("of the shape of before is refused with the shape of today", async () => {
    const old = { name: "old", metric: "queue_length", operator: ">", threshold: 100, notify: "ops" }
    expect(await errorOf(await node.request("POST", rules, { body: old }))).toMatchObject({
      status: 400,
      code: "GTW_BODY_006",
      details: { remedy: expect.stringContaining("trigger") },
    })
  })

  it.each([
    [{ condition: "valu > 1.0" }, "condition"],
    [{ condition: "value >" }, "condition"],
    [{ clear: "labels.queue" }, "clear"],
    [{ filter: "mean > 1.0" }, "filter"],
    [{ group_by: ["a", "a"] }, "group_by"],
    [{ for: "99999w" }, "for"],
    [{ levels: [{ severity: "critical", condition: "1 + 1" }] }, "levels.0.condition"],
    [
      { aggregates: { m: { function: "percentile", window: { type: "sliding", size: "5m" } } } },
      "aggregates.m",
    ],
    [{ trigger: { type: "schedule", cron: "0 0 31 2 *" }, condition: "true" }, "trigger.cron"],
  ] as ReadonlyArray<readonly [object, string]>)(
    "with %j is refused, pointing at %s",
    async (changes, field) => {
      const error = await errorOf(await put("bad", { ...document, ...changes }))
      expect(error).toMatchObject({ status: 422, code: "CEP_RULE_002" })
      const { problems } = error.details as { problems: ReadonlyArray<{ field: string; remedy: string }> }
      expect(problems[0]?.field).toMatch(new RegExp(`^${field.replaceAll(".", "\\.")}`))
      expect(problems[0]?.remedy).not.toBe("")
      expect((await node.request("GET", `${rules}/bad`)).status).toBe(404)
    },
  )

  it("that would bring itself about is refused with the way on which it would", async () => {
    const link = (from: string, to: string) => ({
      name: `${from} to ${to}`,
      trigger: { type: "event", event: from },
      actions: [{ type: "publish_event", event: to }],
    })
    const problemOf = async (rule: string, body: unknown) => {
      const error = await errorOf(await put(rule, body))
      return (error.details as { problems: ReadonlyArray<{ problem: string }> }).problems[0]?.problem
    }
    expect(await problemOf("self", link("a", "a"))).toContain("self → a → self")
    await put("one", link("a", "b"))
    await put("two", link("b", "c"))
    expect(await problemOf("three", link("c", "a"))).toContain("three → a → one → b → two → c → three")
    expect((await put("three", { ...link("c", "a"), enabled: false })).status).toBe(201)
    expect(await errorOf(await node.request("POST", `${rules}/three/enable`))).toMatchObject({
      code: "CEP_RULE_002",
    })
    await node.request("DELETE", `${rules}/two`)
    expect((await node.request("POST", `${rules}/three/enable`)).status).toBe(200)
  })

  it("is changed by who may, with actions that the writer may have done", async () => {
    const asReader = (method: string, path: string, body?: unknown) =>
      node.request(method, path, { token: reader, ...(body === undefined ? {} : { body }) })
    expect((await asReader("GET", rules)).status).toBe(200)
    expect((await asReader("POST", rules, document)).status).toBe(403)
    expect((await asReader("DELETE", `${rules}/life`)).status).toBe(403)
    const writer = await node.narrow(await node.login("developer"), ["cep:write"])
    const asking = { ...document, actions: [{ type: "ask_ops", question: "why?" }] }
    expect(
      await errorOf(await node.request("PUT", `${rules}/asking`, { body: asking, token: writer })),
    ).toMatchObject({ status: 403, details: { permission: "ops:ask" } })
    expect((await put("asking", asking)).status).toBe(201)
  })
})

describe("the list of rules", () => {
  it("is filtered and paged", async () => {
    await put("list-a", { ...document, name: "zebra", labels: { team: "red" }, severity: "critical" })
    await put("list-b", {
      ...document,
      name: "Yak",
      trigger: { type: "event", event: "seen" },
      condition: "true",
    })
    await node.request("POST", `${rules}/list-b/disable`)
    expect(await listed("search=list-")).toEqual(["list-b", "list-a"])
    expect(await listed("search=LIST-&limit=1&page=2")).toEqual(["list-a"])
    expect(await listed("search=list-&enabled=false")).toEqual(["list-b"])
    expect(await listed("search=list-&trigger=event")).toEqual(["list-b"])
    expect(await listed("search=list-&severity=critical")).toEqual(["list-a"])
    expect(await listed("label=team%3Dred")).toEqual(["list-a"])
    expect(await listed("label=team%3Dblue")).toEqual([])
    expect(await listed("search=list-&owner=nobody")).toEqual([])
    expect(await listed("search=%25")).toEqual([])
    expect((await node.request("GET", `${rules}?trigger=poll`)).status).toBe(400)
  })
})

describe("before a rule is saved", () => {
  it("an edit tells what it would keep, and why it would be refused", async () => {
    await put("compared", document)
    const compare = async (body: unknown) =>
      json(await node.request("POST", `${rules}/compared/compare`, { body }))
    expect(await compare(document)).toEqual({
      changes: false,
      keeps_state: true,
      differences: [],
      problems: [],
      warnings: [],
    })
    expect(await compare({ ...document, condition: "value > 1.0" })).toMatchObject({
      keeps_state: true,
      differences: [{ field: "condition" }],
    })
    expect(await compare({ ...document, group_by: [] })).toMatchObject({
      keeps_state: false,
      differences: [{ field: "group_by" }],
    })
    expect(await compare({ ...document, condition: "valu" })).toMatchObject({
      problems: [{ field: "condition" }],
    })
    expect(await json(await node.request("GET", `${rules}/compared`))).toMatchObject({ version: 1 })
  })

  it("templates make documents that are taken", async () => {
    const { templates } = await json(await node.request("GET", "/api/cep/templates"))
    for (const { id } of templates as ReadonlyArray<{ readonly id: string }>) {
      const made = await json(await node.request("POST", `/api/cep/templates/${id}`, { body: {} }))
      expect((await put(`from-${id}`, made.document)).status).toBe(201)
    }
    const bad = (template: string, values: unknown) =>
      node.request("POST", `/api/cep/templates/${template}`, { body: { values } })
    expect(await errorOf(await bad("none", {}))).toMatchObject({ status: 404, code: "CEP_RULE_006" })
    expect(await errorOf(await bad("absence", { afte: "1m" }))).toMatchObject({
      details: { field: "values.afte" },
    })
    expect((await bad("absence", { metric: "no name" })).status).toBe(400)
    expect((await bad("absence", { after: "1ms" })).status).toBe(422)
  })

  it("its schema can be read", async () => {
    const schema = await json(await node.request("GET", "/api/cep/schema"))
    expect(schema).toMatchObject({ $schema: expect.stringContaining("2020-12") })
    expect(JSON.stringify(schema)).not.toContain("#/components")
    expect(JSON.stringify(schema)).toContain("keep_firing_for")
  })
})
