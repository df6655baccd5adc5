/** Rules over the past and rules that run, on a whole node: tests, back-tests, explanations, monitors. */
import { execFile } from "node:child_process"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
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

const { put, monitorOf, untilMonitor } = rulesOn(() => node)

describe("the past", () => {
  const minute = 60_000
  const start = Date.parse("2026-01-01T00:00:00Z")
  const samples = [50, 150, 160, 40].map((value, index) => ({
    name: "queue_length",
    labels: { queue: "mail" },
    value,
    at: start + index * minute,
  }))
  const firing = { labels: { queue: "mail" }, fired_at: "2026-01-01T00:01:00.000Z", value: 150 }

  it("is tried with samples that are given, and nothing is sent", async () => {
    await put("tried", document)
    const tried = await json(await node.request("POST", `${rules}/tried/test`, { body: { samples } }))
    expect(tried).toMatchObject({
      firings: [{ ...firing, resolved_at: "2026-01-01T00:03:00.000Z" }],
      counts: { firings: 1, resolved: 1 },
      firing_ms: 2 * minute,
      truncated: false,
    })
    const other = { ...document, condition: "value > 155.0" }
    const differently = { document: other, samples, wait: "1h" }
    expect(
      await json(await node.request("POST", `${rules}/tried/test`, { body: differently })),
    ).toMatchObject({
      firings: [{ value: 160 }],
      to: "2026-01-01T01:03:00.000Z",
    })
  })

  it("is tried with a CSV file, of a document that is not saved", async () => {
    const csv = `timestamp,value,queue\n${samples.map(({ at, value }) => `${at / 1_000},${value},mail`).join("\n")}\n`
    const body = { document, csv }
    expect(await json(await node.request("POST", "/api/cep/backtest", { body }))).toMatchObject({
      firings: [firing],
      items: 4,
      per_day: [{ day: "2026-01-01", firings: 1 }],
    })
    const broken = { document, csv: "timestamp,value\nyesterday,1\n2026-01-01,x" }
    expect(await errorOf(await node.request("POST", "/api/cep/backtest", { body: broken }))).toMatchObject({
      status: 422,
      code: "CEP_PAST_002",
      details: { problems: [{ field: "line 2" }, { field: "line 3" }] },
    })
  })

  it("is what the stream still has, of one's own tenant, and is explained", async () => {
    const now = Date.now()
    const sent = [50, 150].map((value, index) => ({
      name: "past_length",
      labels: { queue: "mail" },
      value,
      at: now - 2_000 + index * 1_000,
    }))
    const past = { ...document, trigger: { type: "metric", metric: "past_length" } }
    expect((await node.request("POST", "/api/cep/metrics", { body: { samples: sent } })).status).toBe(202)
    await put("past", past)
    const found = await json(await node.request("POST", `${rules}/past/backtest`, { body: {} }))
    expect(found).toMatchObject({ firings: [{ labels: { queue: "mail" }, value: 150 }] })
    const at = new Date(now - 1_500).toISOString()
    const why = await json(await node.request("POST", `${rules}/past/explain`, { body: { at } }))
    expect(why).toMatchObject({
      version: 1,
      truncated: false,
      groups: [{ labels: { queue: "mail" }, state: "inactive", steps: [{ value: 50 }, { value: 150 }] }],
    })
    expect(JSON.stringify(why)).toContain("short by 50")
    const nobody = { at, group: { queue: "none" } }
    expect(await json(await node.request("POST", `${rules}/past/explain`, { body: nobody }))).toMatchObject({
      groups: [],
    })
    const stranger = await node.login("eve", { tenant: "other-tenant" }).catch(() => undefined)
    if (stranger === undefined) return
    const theirs = await node.request("POST", "/api/cep/backtest", {
      body: { document: past },
      token: stranger,
    })
    expect(await json(theirs)).toMatchObject({ items: 0, firings: [] })
  })

  it.each([
    [{ from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" }, 422, "CEP_PAST_002"],
    [{ from: "1000-01-01T00:00:00Z" }, 422, "CEP_PAST_002"],
    [{ from: "yesterday" }, 400, "GTW_BODY_006"],
    [{ document: { ...document, condition: "valu" } }, 422, "CEP_RULE_002"],
    [{ csv: "timestamp,value\n" }, 422, "CEP_PAST_002"],
    [{ csv: "timestamp,value\n1,1\n9999999999999,2\n" }, 422, "CEP_PAST_002"],
  ])("is refused for %j", async (body, status, code) => {
    await put("refused", document)
    expect(await errorOf(await node.request("POST", `${rules}/refused/backtest`, { body }))).toMatchObject({
      status,
      code,
    })
  })

  it("holds up nobody who asks for something else meanwhile", async () => {
    const now = Date.now()
    for (let batch = 0; batch < 60; batch++) {
      const many = Array.from({ length: 1_000 }, (_, index) => ({
        name: "busy_length",
        labels: { host: `h${index % 200}` },
        value: index,
        at: now - 100_000 + batch * 1_000 + index,
      }))
      expect((await node.request("POST", "/api/cep/metrics", { body: { samples: many } })).status).toBe(202)
    }
    const costly = {
      name: "costly",
      trigger: { type: "metric", metric: "busy_length" },
      group_by: ["host"],
      aggregates: {
        p99: { function: "percentile", percentile: 99, window: { type: "sliding", size: "1h" } },
        spread: { function: "stddev", window: { type: "hopping", size: "1h", slide: "10s" } },
      },
      condition: "p99 > 10.0 * spread",
    }
    let answered = 0
    let isDone = false
    const run = node.request("POST", "/api/cep/backtest", { body: { document: costly } }).finally(() => {
      isDone = true
    })
    while (!isDone) {
      await node.request("GET", "/health", { token: "" })
      if (!isDone) answered += 1
    }
    expect(answered).toBeGreaterThan(1)
    const found = await json(await run)
    expect(found.items).toBeGreaterThanOrEqual(60_000)
  }, 60_000)
})

describe("a rule that runs", () => {
  it("sees what is sent after the answer to its writer, and shows the state of each group", async () => {
    const live = { ...document, trigger: { type: "metric", metric: "live_length" } }
    expect(await json(await put("live", live))).toMatchObject({ live: { sequence: expect.any(Number) } })
    const samples = [
      { name: "live_length", labels: { queue: "mail" }, value: 250 },
      { name: "live_length", labels: { queue: "print" }, value: 5 },
    ]
    await node.request("POST", "/api/cep/metrics", { body: { samples } })
    const found = await untilMonitor("live", ({ figures }) => figures?.evaluations === 2)
    expect(found).toMatchObject({
      status: "running",
      lane: expect.any(Number),
      figures: { version: 1, matches: 1, errors: 0, late: 0, groups: 2 },
    })
    expect(found.groups.map(({ labels, state, value }) => [labels.queue, state, value]).toSorted()).toEqual([
      ["mail", "firing", 250],
      ["print", "inactive", 5],
    ])
    await node.request("POST", `${rules}/live/disable`)
    expect(await monitorOf("live")).toMatchObject({ status: "disabled", groups: [] })
    const all = await json(await node.request("GET", "/api/cep/monitor?limit=100"))
    expect(all.rules).toContainEqual({ rule_id: "live", name: document.name, status: "disabled" })
  })

  it("takes events in, once each", async () => {
    const deploys = {
      name: "deploys",
      trigger: { type: "event", event: "deploy.finished" },
      group_by: ["service"],
    }
    await put("deploys", deploys)
    const events = [{ id: "d1", type: "deploy.finished", attributes: { service: "shop" } }]
    const sent = await node.request("POST", "/api/cep/events", { body: { events } })
    expect([sent.status, await json(sent)]).toEqual([202, { accepted: 1, ids: ["d1"] }])
    await node.request("POST", "/api/cep/events", { body: { events } })
    const more = [{ type: "deploy.finished", attributes: { service: "till" } }]
    await node.request("POST", "/api/cep/events", { body: { events: more } })
    const found = await untilMonitor("deploys", ({ figures }) => figures?.groups === 2)
    expect(found).toMatchObject({ figures: { evaluations: 2, matches: 2 } })
  })

  it("is started by its schedule", async () => {
    await put("often", { name: "often", trigger: { type: "schedule", every: "1s" } })
    await untilMonitor("often", ({ figures }) => (figures?.matches ?? 0) >= 2)
    const { runs } = await json(await node.request("GET", `${rules}/often`))
    expect(runs).toMatchObject({ next_at: expect.any(String), missed: 0 })
    await node.request("DELETE", `${rules}/often`)
  })
})

describe("samples and events", () => {
  it.each([
    [
      "metrics",
      {
        samples: [
          { name: "m", value: 1 },
          { name: "m", value: 1, at: Date.now() + 3_600_000 },
        ],
      },
      "samples.1.at",
    ],
    ["events", { events: [{ type: "a", at: Date.now() + 3_600_000 }] }, "events.0.at"],
    ["events", { events: [{ type: "millrace.late" }] }, "events.0.type"],
    ["events", { events: [{ type: "no type" }] }, "events.0.type"],
    ["events", { events: [{ type: "a", attributes: { a: { b: 1 } } }] }, "events.0.attributes.a"],
    ["events", { events: [] }, "events"],
  ])("to %s are refused for %j, naming %s", async (path, body, field) => {
    expect(await errorOf(await node.request("POST", `/api/cep/${path}`, { body }))).toMatchObject({
      status: 400,
      details: { field },
    })
  })

  it("need the right to write metrics", async () => {
    for (const path of ["metrics", "events"])
      expect((await node.request("POST", `/api/cep/${path}`, { body: {}, token: reader })).status).toBe(403)
  })
})

describe("the command line", () => {
  const millrace = (...given: ReadonlyArray<string>) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, "../../cli/millrace.ts"), ...given], {
      env: { ...process.env, MILLRACE_HOME: node.home },
    })

  it("applies a rule from a file, lists it, and tries it on the past", async () => {
    const file = join(node.home, "rule.yaml")
    await writeFile(
      file,
      "name: From a file\ntrigger: { type: metric, metric: cli_length }\ncondition: value > 1.0\n",
    )
    expect((await millrace("rules", "apply", "cli", "--file", file)).stdout).toMatch(
      /^cli is in version 1 since /,
    )
    expect((await millrace("rules", "list", "--search", "cli")).stdout).toMatch(
      /^cli\tv1\tenabled\tFrom a file\n/,
    )
    const csv = join(node.home, "samples.csv")
    await writeFile(csv, "timestamp,value\n2026-01-01,0\n2026-01-02,5\n2026-01-03,0\n")
    expect((await millrace("rules", "backtest", "cli", "--csv", csv)).stdout).toMatch(
      /^2026-01-02T00:00:00.000Z\t2026-01-03T00:00:00.000Z\twarning\t\{\}\n1 firing, 3 items/,
    )
    await writeFile(
      file,
      "name: From a file\ntrigger: { type: metric, metric: cli_length }\ncondition: valu\n",
    )
    await expect(millrace("rules", "apply", "cli", "-f", file)).rejects.toMatchObject({
      stderr: expect.stringMatching(/422[\s\S]*condition: /),
    })
    await Promise.all([rm(file), rm(csv)])
  }, 60_000)
})
