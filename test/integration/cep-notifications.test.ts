/** Channels over HTTP, and what becomes of what is told and done over them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { errorOf } from "../support/http-answers.ts"
import { notificationOf } from "../support/notified.ts"
import { area, type Delivery, type NotifyingNode, startNotifyingNode } from "../support/notifying-node.ts"

const secret = "a secret that nobody sees"
const mask = "********"

let setup: NotifyingNode

beforeAll(async () => {
  setup = await startNotifyingNode()
}, 60_000)
afterAll(() => setup.stop())
afterEach(() => setup.reset())

describe("a channel", () => {
  it("is made, read, changed, listed and removed, and every change is in the audit log without secrets", async () => {
    const settings = {
      type: "webhook",
      url: `${setup.receiver.url}/a?key=${secret}`,
      secret,
      headers: { authorization: secret },
    }
    const made = await setup.node.request("POST", `${area}/channels`, {
      body: { channel_id: "made", name: "Made", settings },
    })
    expect(made.status).toBe(201)
    const shown = await made.json()
    expect(shown).toMatchObject({
      channel_id: "made",
      name: "Made",
      settings: {
        type: "webhook",
        url: `${setup.receiver.url}/${mask}`,
        secret: mask,
        headers: { authorization: mask },
      },
      per_minute_max: 60,
      enabled: true,
      version: 1,
      updated_by: "developer",
    })
    const again = await setup.node.request("POST", `${area}/channels`, {
      body: { channel_id: "made", name: "Made", settings },
    })
    expect(await errorOf(again)).toMatchObject({ status: 409, code: "CEP_CHAN_004" })
    const changed = await setup.put("made", (shown as { settings: unknown }).settings, { per_minute_max: 5 })
    expect(changed.status).toBe(200)
    expect(await changed.json()).toMatchObject({ version: 2, per_minute_max: 5 })
    // The masks that came back kept the secrets.
    setup.receiver.answer = (_, response) => void response.writeHead(200).end()
    expect(await setup.test("made")).toMatchObject({ status: "delivered", attempts: 1 })
    expect(setup.receiver.askedFor("/a").at(-1)).toMatchObject({ headers: { authorization: secret } })
    expect(setup.receiver.askedFor("/a").at(-1)!.path).toContain("key=")
    const { channels } = await setup.read("/channels")
    expect((channels as ReadonlyArray<{ channel_id: string }>).map(({ channel_id }) => channel_id)).toEqual(
      expect.arrayContaining(["default", "made"]),
    )
    expect((await setup.node.request("DELETE", `${area}/channels/made`)).status).toBe(204)
    expect(await errorOf(await setup.node.request("GET", `${area}/channels/made`))).toMatchObject({
      status: 404,
      code: "CEP_CHAN_001",
    })
    const audit = await (
      await setup.node.request("GET", "/api/admin/audit-log/?object_type=channel&object_id=made")
    ).text()
    expect(audit).toContain("channel.create")
    expect(audit).toContain("channel.change")
    expect(audit).toContain("channel.remove")
    expect(audit).not.toContain(secret)
    expect(audit).not.toContain("key=")
  })

  it("is not overwritten or removed by who read it before somebody changed it", async () => {
    const path = `${area}/channels/shared`
    const put = (tag: string) =>
      setup.node.request("PUT", path, {
        body: { name: "Shared", settings: { type: "log" } },
        headers: { "If-Match": tag },
      })
    const stale = { status: 412, code: "CEP_CHAN_008", details: { current: 2 } }
    expect(await errorOf(await put('"1"'))).toMatchObject({ ...stale, details: { current: 0 } })
    const made = await put('"0"')
    expect([made.status, made.headers.get("ETag")]).toEqual([201, '"1"'])
    expect((await put('"1"')).headers.get("ETag")).toBe('"2"')
    expect(await errorOf(await put('"1"'))).toMatchObject(stale)
    const remove = (tag: string) => setup.node.request("DELETE", path, { headers: { "If-Match": tag } })
    expect(await errorOf(await remove('"1"'))).toMatchObject(stale)
    expect((await setup.node.request("GET", path)).headers.get("ETag")).toBe('"2"')
    expect((await remove('"2"')).status).toBe(204)
  })

  it("is told of groups as the tenant says, by routes, and two who say it do not overwrite each other", async () => {
    const path = `${area}/grouping`
    const put = (body: unknown, tag?: string) =>
      setup.node.request("PUT", path, { body, headers: tag === undefined ? {} : { "If-Match": tag } })
    const first = await setup.node.request("GET", path)
    expect(await first.json()).toEqual({ routes: [], version: 0 })
    const pages = {
      name: "pages",
      matchers: [{ name: "severity", value: "critical", operator: "=" }],
      repeat_interval: "30m",
    }
    const given = {
      group_by: ["cluster"],
      group_wait: "30s",
      group_interval: "5m",
      resolve_timeout: "10m",
      routes: [pages],
    }
    const made = await put(given, first.headers.get("ETag")!)
    expect([made.status, await made.json()]).toEqual([200, { ...given, version: 1 }])
    expect(await errorOf(await put(given, '"0"'))).toMatchObject({ status: 412, code: "CEP_GROUP_002" })
    expect(await errorOf(await put({ group_wait: "2h", resolve_timeout: "8d" }))).toMatchObject({
      status: 422,
      code: "CEP_GROUP_001",
      details: { problems: [{ field: "group_wait" }, { field: "resolve_timeout" }] },
    })
    expect(await (await put({})).json()).toEqual({ routes: [], version: 2 })
  })

  it("gives no secret to another host that somebody put in place of the first", async () => {
    await setup.put("moved", { type: "webhook", url: `${setup.receiver.url}/a`, secret })
    const moved = await setup.put("moved", {
      type: "webhook",
      url: "https://elsewhere.example/a",
      secret: mask,
    })
    const { status, details } = await errorOf(moved)
    expect(status).toBe(422)
    expect(details).toMatchObject({ problems: [{ field: "settings.secret" }] })
  })

  it("is refused field by field where its settings cannot work", async () => {
    const problems = async (settings: unknown) => {
      const { code, details } = await errorOf(await setup.put("bad", settings))
      expect(code).toBe("CEP_CHAN_002")
      return (details.problems as ReadonlyArray<{ field: string }>).map(({ field }) => field)
    }
    expect(await problems({ type: "slack", url: "ftp://a.example" })).toEqual(["settings.url"])
    expect(await problems({ type: "webhook", url: "https://u:p@a.example" })).toEqual(["settings.url"])
    expect(
      await problems({
        type: "webhook",
        url: "https://a.example",
        headers: { host: "b", "a b": "c", ok: "ü" },
      }),
    ).toEqual(["settings.headers.host", "settings.headers.a b", "settings.headers.ok"])
    expect(
      await problems({ type: "email", to: ["ann@a.example", "a,b@c", "x\r\nBcc: y@z"], smtp: "http://a" }),
    ).toEqual(["settings.to.1", "settings.to.2", "settings.smtp"])
    expect(await problems({ type: "email", to: ["a@b.c"], from: "A\r\nBcc: y@z <a@b.c>" })).toEqual([
      "settings.from",
    ])
    expect(
      await problems({ type: "sms", url: "https://a.example", to: ["x"], body: '{"to": "{{ to }}"}' }),
    ).toEqual(["settings.to.0", "settings.body"])
  })

  it("is seen with cep:read, and changed and tested with cep:write only", async () => {
    const as = { token: await setup.node.login("reader") }
    expect((await setup.node.request("GET", `${area}/channels`, as)).status).toBe(200)
    expect((await setup.node.request("GET", area, as)).status).toBe(200)
    const body = { name: "x", settings: { type: "log" } }
    expect((await setup.node.request("PUT", `${area}/channels/x`, { ...as, body })).status).toBe(403)
    expect((await setup.node.request("POST", `${area}/channels/default/test`, as)).status).toBe(403)
  })

  it("named default is there from the start and writes its log alone", async () => {
    await setup.deliver("default", notificationOf("for the log"))
    expect(await setup.overOf("default", "for the log")).toMatchObject({ status: "logged", attempts: 1 })
    expect(await setup.test("default")).toMatchObject({ status: "logged" })
    const { deliveries } = await setup.read("/channels/default/log?limit=1")
    expect(deliveries).toMatchObject([{ what: "test", status: "logged" }])
  })
})

describe("a receiver", () => {
  it("at a private address is not reached, and the log says what an operator can do", async () => {
    for (const type of ["slack", "webhook", "alertmanager"]) {
      await setup.put("private", { type, url: "http://10.0.0.1/x" })
      const tested = await setup.test("private")
      expect(tested).toMatchObject({ status: "given_up" })
      expect(tested.detail).toContain("EGRESS_ALLOW=10.0.0.1:80")
    }
  })

  it("that fails is asked again with the same id; one that refuses is not", async () => {
    await setup.put("flaky", { type: "webhook", url: `${setup.receiver.url}/flaky` })
    let failures = 1
    setup.receiver.answer = (_, response) =>
      void response.writeHead(failures-- > 0 ? 500 : 200).end("token=abc")
    await setup.deliver("flaky", notificationOf("f1"))
    expect(await setup.overOf("flaky", "f1")).toMatchObject({ status: "delivered", attempts: 2 })
    expect(setup.receiver.askedFor("/flaky").map(({ headers }) => headers["x-millrace-delivery"])).toEqual([
      "f1",
      "f1",
    ])
    setup.receiver.answer = (_, response) => void response.writeHead(403).end("token=abc")
    await setup.deliver("flaky", notificationOf("f2"))
    expect(await setup.overOf("flaky", "f2")).toMatchObject({
      status: "given_up",
      attempts: 1,
      detail: "the receiver answered 403",
    })
  })

  it("that redirects is not followed", async () => {
    await setup.put("redirects", { type: "webhook", url: `${setup.receiver.url}/redirects`, secret })
    setup.receiver.answer = (_, response) =>
      void response.writeHead(307, { location: `${setup.receiver.url}/other` }).end()
    expect(await setup.test("redirects")).toMatchObject({ status: "given_up" })
    expect(setup.receiver.askedFor("/other")).toEqual([])
  })

  it("of a channel that is removed or disabled is told nothing more, and the log says why", async () => {
    await setup.put("off", { type: "webhook", url: `${setup.receiver.url}/off` }, { enabled: false })
    await setup.deliver("off", notificationOf("o1"))
    expect(await setup.overOf("off", "o1")).toMatchObject({
      status: "given_up",
      detail: "the channel is disabled",
    })
    await setup.deliver("nobody", notificationOf("o2"))
    expect(await setup.overOf("nobody", "o2")).toMatchObject({
      status: "given_up",
      detail: 'there is no channel "nobody"',
    })
    expect(setup.receiver.askedFor("/off")).toEqual([])
  })
})

describe("the list of deliveries", () => {
  it("is over all channels, newest first, by channel and by status, page by page", async () => {
    await setup.put("listed", { type: "log" })
    for (const id of ["l1", "l2", "l3"]) await setup.deliver("listed", notificationOf(id))
    await setup.overOf("listed", "l3")
    const first = await setup.read("?channel=listed&limit=2")
    expect(first).toMatchObject({ total: 3, page: 1, limit: 2 })
    const second = await setup.read("?channel=listed&limit=2&page=2")
    const ids = [first, second].flatMap(({ deliveries }) =>
      (deliveries as ReadonlyArray<Delivery>).map(({ id }) => id),
    )
    expect([...ids].sort()).toEqual(["l1", "l2", "l3"])
    const given = (await setup.read("?status=given_up&limit=100")).deliveries as ReadonlyArray<Delivery>
    expect(new Set(given.map(({ status }) => status))).toEqual(new Set(["given_up"]))
    expect(new Set(given.map(({ channel }) => channel)).size).toBeGreaterThan(1)
  })

  it("holds no secret, and neither do the channels as they are shown and their logs", async () => {
    const all = JSON.stringify([
      await setup.read("?limit=100"),
      await setup.read("/channels"),
      await setup.read("/channels/hook/log"),
    ])
    expect(all).not.toContain(secret)
  })
})
