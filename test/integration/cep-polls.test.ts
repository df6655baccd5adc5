/** Rules that fetch their samples themselves, on a whole node and from real servers; and the host's own samples in rules. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Poll } from "../../schemas/index.ts"
import { errorOf, json } from "../support/http-answers.ts"
import { startTestNode, type TestNode } from "../support/node.ts"
import { rulesPath as rules, rulesOn } from "../support/rules.ts"
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts"

let node: TestNode
/** Two that the node may reach, and one that it may not. */
let metrics: ScriptedServer
let elsewhere: ScriptedServer
let hidden: ScriptedServer
const secret = "Bearer s3cret-of-the-poll"

beforeAll(async () => {
  ;[metrics, elsewhere, hidden] = await Promise.all([
    startScriptedServer(),
    startScriptedServer(),
    startScriptedServer(),
  ])
  node = await startTestNode({
    EGRESS_ALLOW: [metrics, elsewhere].map(({ url }) => new URL(url).host).join(),
  })
  for (const server of [elsewhere, hidden])
    server.answer = (_, response) => void response.end(JSON.stringify({ load: 1 }))
  metrics.answer = ({ path, headers }, response) => {
    if (path === "/json") response.end(JSON.stringify({ data: { load: 97.5 } }))
    else if (path === "/text")
      response.end('# TYPE jobs gauge\njobs{queue="mail"} 12\njobs{queue="print"} 3\nother 9\n')
    else if (path === "/guarded")
      response.writeHead(headers.authorization === secret ? 200 : 401).end(JSON.stringify({ load: 1 }))
    else response.writeHead(302, { location: redirects[path] ?? "/json" }).end()
  }
}, 120_000)
afterAll(async () => {
  await node?.stop()
  await Promise.all([metrics?.stop(), elsewhere?.stop(), hidden?.stop()])
})

const redirects: Record<string, string> = {}
const polling = (url: string, more: Partial<Poll> = {}, metric = "polled_load") => ({
  name: "polls",
  trigger: { type: "metric", metric, poll: { url, every: "1s", format: "json", path: "$.load", ...more } },
  condition: "value > 90.0",
})
const { put, monitorOf, untilMonitor } = rulesOn(() => node)
const setCredential = (rule: string, body: unknown, token = node.token) =>
  node.request("PUT", `${rules}/${rule}/poll-credential`, { body, token })

const pollFails = async (rule: string) =>
  (await untilMonitor(rule, ({ poll }) => poll?.last?.detail !== undefined)).poll?.last?.detail

describe("a rule that polls", () => {
  it("fires by the number that a JSON answer has", async () => {
    await put("json", polling(`${metrics.url}/json`, { path: "$.data.load", labels: { host: "web-1" } }))
    const { groups, poll } = await untilMonitor("json", (found) => found.groups[0]?.state === "firing")
    expect(groups).toMatchObject([{ state: "firing", value: 97.5 }])
    expect(poll).toMatchObject({ failures: 0, has_credential: false, last: { samples: 1 } })
    await node.request("DELETE", `${rules}/json`)
  })

  it("has a group for each series of an answer in Prometheus' text", async () => {
    const { path: _, ...poll } = polling(`${metrics.url}/text`, { format: "prometheus" }).trigger.poll
    const trigger = { type: "metric", metric: "jobs", poll }
    await put("text", { name: "text", trigger, group_by: ["queue"], condition: "value > 10.0" })
    const { groups } = await untilMonitor("text", (found) => found.groups.length === 2)
    expect(groups.map(({ labels, state, value }) => [labels, state, value])).toEqual(
      expect.arrayContaining([
        [{ queue: "mail" }, "firing", 12],
        [{ queue: "print" }, "inactive", 3],
      ]),
    )
    await node.request("DELETE", `${rules}/text`)
  })

  it("is kept from private addresses, straight and over a redirect, and shows why", async () => {
    await put("private", polling(`${hidden.url}/load`))
    expect(await pollFails("private")).toContain("EGRESS_ALLOW")
    redirects["/in"] = `${hidden.url}/load`
    await put("redirected", polling(`${metrics.url}/in`))
    expect(await pollFails("redirected")).toContain("EGRESS_ALLOW")
    await put("cloud", polling("http://169.254.169.254/latest/meta-data"))
    expect(await pollFails("cloud")).toContain("169.254.169.254")
    expect(hidden.asked).toEqual([])
    for (const rule of ["private", "redirected", "cloud"]) await node.request("DELETE", `${rules}/${rule}`)
  })

  it.each([
    [{ headers: { Authorization: secret } }, "trigger.poll.headers.Authorization"],
    [{ headers: { cookie: "a=b" } }, "trigger.poll.headers.cookie"],
    [{ headers: { "X-API-Key": "k" } }, "trigger.poll.headers.X-API-Key"],
    [{ headers: { "X-Vault-Token": "k" } }, "trigger.poll.headers.X-Vault-Token"],
    [{ url: "http://me:s3cret@metrics.example/" }, "trigger.poll.url"],
  ])("is refused with a credential in its document: %j", async (more, field) => {
    const error = await errorOf(await put("open", polling(`${metrics.url}/json`, more)))
    expect(error).toMatchObject({
      status: 422,
      code: "CEP_RULE_002",
      details: { problems: [{ field, remedy: expect.stringContaining("poll-credential") }] },
    })
  })
})

describe("a poll's credential", () => {
  it("goes along with polls, and is shown nowhere", async () => {
    await put("guarded", polling(`${metrics.url}/guarded`))
    expect(await pollFails("guarded")).toBe("the server answered 401")
    const given = await setCredential("guarded", { header: "Authorization", value: secret })
    expect([given.status, await json(given)]).toEqual([
      200,
      { origin: new URL(metrics.url).origin, header: "Authorization" },
    ])
    const { poll } = await untilMonitor("guarded", (found) => found.poll?.last?.samples === 1)
    expect(poll).toMatchObject({ has_credential: true, consecutive_failures: 0 })
    const { entries } = await json(await node.request("GET", "/api/admin/audit-log/?object_id=guarded"))
    expect(entries).toContainEqual(
      expect.objectContaining({ action: "rule.poll-credential-set", actor: "developer" }),
    )
    const shown = await Promise.all(
      [
        node.request("GET", `${rules}/guarded`),
        node.request("GET", `${rules}/guarded/versions`),
        node.request("GET", `${rules}/guarded/monitor`),
        node.request("GET", "/api/admin/audit-log/?object_id=guarded"),
        node.request("POST", "/api/actors/metric-poll/guarded/Read", { body: {} }),
      ].map(async (asking) => (await asking).text()),
    )
    expect(shown.join()).not.toMatch(/s3cret|"sealed"|v1\.dev\./)
  })

  it("stays with where it was given for", async () => {
    redirects["/guarded-elsewhere"] = `${elsewhere.url}/load`
    await put("guarded", polling(`${metrics.url}/guarded-elsewhere`))
    await untilMonitor("guarded", () => elsewhere.askedFor("/load").length > 0)
    expect((await monitorOf("guarded")).poll?.has_credential).toBe(true)
    await put("guarded", polling(`${elsewhere.url}/moved`))
    const { poll } = await untilMonitor("guarded", () => elsewhere.askedFor("/moved").length > 0)
    expect(poll?.has_credential).toBe(false)
    expect(metrics.askedFor("/guarded-elsewhere")[0]?.headers.authorization).toBe(secret)
    expect(elsewhere.asked.map(({ headers }) => headers.authorization).filter(Boolean)).toEqual([])
  })

  it("is taken away", async () => {
    await put("guarded", polling(`${metrics.url}/guarded`))
    await setCredential("guarded", { header: "Authorization", value: secret })
    await untilMonitor("guarded", ({ poll }) => poll?.has_credential === true)
    const remove = () => node.request("DELETE", `${rules}/guarded/poll-credential`)
    expect([(await remove()).status, (await remove()).status]).toEqual([204, 204])
    expect((await monitorOf("guarded")).poll?.has_credential).toBe(false)
    await node.request("DELETE", `${rules}/guarded`)
  })

  it("is given by who may change rules, to rules that poll, in a header that carries one", async () => {
    await put("silent", {
      name: "silent",
      trigger: { type: "metric", metric: "m" },
      condition: "value > 1.0",
    })
    await put("polls", { ...polling(`${metrics.url}/json`), enabled: false })
    const reader = await node.narrow(await node.login("developer"), ["cep:read"])
    const good = { header: "X-Api-Key", value: "k" }
    expect((await setCredential("polls", good, reader)).status).toBe(403)
    expect(await errorOf(await setCredential("nowhere", good))).toMatchObject({ code: "CEP_RULE_001" })
    expect(await errorOf(await setCredential("silent", good))).toMatchObject({ code: "CEP_POLL_001" })
    for (const [bad, field] of [
      [{ header: "Host", value: "k" }, "header"],
      [{ header: "X-Api-Key", value: "a\r\nb: c" }, "value"],
    ] as const)
      expect(await errorOf(await setCredential("polls", bad))).toMatchObject({
        status: 422,
        code: "CEP_POLL_002",
        details: { field, remedy: expect.any(String) },
      })
    // Before it runs for the first time, so that its first fetch has it.
    expect((await setCredential("polls", good)).status).toBe(200)
    await node.request("POST", `${rules}/polls/enable`)
    await untilMonitor("polls", ({ poll }) => poll?.last !== undefined)
    expect(metrics.askedFor("/json").at(-1)?.headers["x-api-key"]).toBe("k")
    await node.request("DELETE", `${rules}/polls`)
  })
})

describe("the machine's own samples", () => {
  it("reach the rules that are shipped", async () => {
    const { figures, groups } = await untilMonitor(
      "host-cpu-high",
      (found) => (found.figures?.evaluations ?? 0) > 0,
    )
    expect([figures?.evaluations, groups.length]).toEqual([expect.any(Number), 1])
  })
})
