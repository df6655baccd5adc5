/** What arrives at real receivers: Slack, signed web hooks, the format of Alertmanager, mail and short messages. */
import { createHmac } from "node:crypto"
import * as Schema from "effect/Schema"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { NotificationBody } from "../../schemas/index.ts"
import { notificationOf, notified } from "../support/notified.ts"
import { type NotifyingNode, startNotifyingNode } from "../support/notifying-node.ts"

const secret = "a secret that nobody sees"
const decodeBody = Schema.decodeUnknownSync(NotificationBody, { onExcessProperty: "error" })

let setup: NotifyingNode

beforeAll(async () => {
  setup = await startNotifyingNode()
}, 60_000)
afterAll(() => setup.stop())
afterEach(() => setup.reset())

describe("what arrives", () => {
  it("at Slack is text and blocks, escaped", async () => {
    await setup.put("slack", { type: "slack", url: `${setup.receiver.url}/slack` })
    const alert = notified({ name: "<!channel> & co", labels: { path: "<https://evil|x>" } })
    await setup.deliver("slack", notificationOf("s1", { alerts: [alert] }))
    expect(await setup.overOf("slack", "s1")).toMatchObject({
      status: "delivered",
      detail: "the receiver answered 200",
    })
    const [asked] = setup.receiver.askedFor("/slack")
    const { text, blocks } = JSON.parse(asked!.body)
    expect(text).toBe("🟠 Firing, warning: &lt;!channel&gt; &amp; co (path=&lt;https://evil|x&gt;)")
    expect(blocks[0]).toMatchObject({ type: "header", text: { type: "plain_text" } })
    const section = blocks[1].text.text as string
    expect(section).toContain("&lt;https://evil|x&gt;")
    expect(section).toContain("it is &lt;busy&gt; &amp; hot")
    expect(section).toContain("<https://millrace.example/api/cep/alerts/00000000000000aa|Alert>")
    expect(section.replaceAll(/<https:\/\/millrace[^>]*>/g, "")).not.toMatch(/[<>]/)
  })

  it("at a web hook is the notification, signed with the time, and names the delivery", async () => {
    await setup.put("hook", { type: "webhook", url: `${setup.receiver.url}/hook`, secret })
    await setup.deliver("hook", notificationOf("w 1"))
    await setup.overOf("hook", "w 1")
    const [asked] = setup.receiver.askedFor("/hook")
    const { headers, body } = asked!
    expect(decodeBody(JSON.parse(body))).toMatchObject({
      version: 1,
      channel: "hook",
      notification: {
        id: "w 1",
        group_key: "group w 1",
        group_labels: { host: "web" },
        at: "1970-01-01T00:00:02.000Z",
        alerts: [
          {
            status: "firing",
            since: "1970-01-01T00:00:01.000Z",
            at: "1970-01-01T00:00:02.000Z",
            url: "https://millrace.example/api/cep/alerts/00000000000000aa",
          },
        ],
      },
    })
    expect(headers["x-millrace-delivery"]).toBe("w%201")
    const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(
      String(headers["x-millrace-signature"]),
    )!
    const expected = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")
    expect(signature).toBe(expected)
  })

  it("of a rule without states says that it was triggered, and fires nothing that lasts", async () => {
    for (const type of ["slack", "webhook", "alertmanager"])
      await setup.put(`tick-${type}`, { type, url: `${setup.receiver.url}/tick-${type}` })
    const tick = notified({ status: "matched", name: "Tick", since: 2_000 })
    for (const type of ["slack", "webhook", "alertmanager"]) {
      await setup.deliver(`tick-${type}`, notificationOf(`tick ${type}`, { alerts: [tick] }))
      await setup.overOf(`tick-${type}`, `tick ${type}`)
    }
    const bodyOf = (type: string) => JSON.parse(setup.receiver.askedFor(`/tick-${type}`)[0]!.body)
    const { text, blocks } = bodyOf("slack")
    expect(text).toBe("🟠 Triggered: Tick (host=web)")
    expect(blocks[1].text.text).toContain("*triggered: Tick*\n")
    expect(blocks[1].text.text).toContain("at: 1970-01-01T00:00:02.000Z")
    expect(decodeBody(bodyOf("webhook")).notification.alerts).toMatchObject([{ status: "matched" }])
    expect(bodyOf("alertmanager")).toMatchObject({
      status: "firing",
      alerts: [
        {
          status: "firing",
          startsAt: "1970-01-01T00:00:02.000Z",
          endsAt: "1970-01-01T00:00:02.000Z",
          annotations: { state: "matched" },
        },
      ],
    })
  })

  it("in Alertmanager's format has all that its version 4 has", async () => {
    await setup.put("am", { type: "alertmanager", url: `${setup.receiver.url}/am` })
    const resolved = notified({
      status: "resolved",
      fingerprint: "00000000000000bb",
      labels: { host: "db" },
      since: 2_000,
      firedAt: 1_000,
      resolvedAt: 2_000,
    })
    const alerts = [notified({ labels: { host: "web" } }), resolved]
    await setup.deliver("am", notificationOf("am1", { alerts, truncated: 3, groupKey: "g" }))
    await setup.overOf("am", "am1")
    expect(JSON.parse(setup.receiver.askedFor("/am")[0]!.body)).toEqual({
      version: "4",
      groupKey: "g",
      truncatedAlerts: 3,
      status: "firing",
      receiver: "am",
      groupLabels: { host: "web" },
      commonLabels: { alertname: "CPU is busy", severity: "warning" },
      commonAnnotations: { severity: "warning", summary: "it is <busy> & hot", value: "97" },
      externalURL: "https://millrace.example",
      alerts: [
        {
          status: "firing",
          labels: { host: "web", alertname: "CPU is busy", severity: "warning" },
          annotations: { severity: "warning", summary: "it is <busy> & hot", value: "97" },
          startsAt: "1970-01-01T00:00:01.000Z",
          endsAt: "0001-01-01T00:00:00Z",
          generatorURL: "https://millrace.example/api/cep/alerts/00000000000000aa",
          fingerprint: "00000000000000aa",
        },
        {
          status: "resolved",
          labels: { host: "db", alertname: "CPU is busy", severity: "warning" },
          annotations: { severity: "warning", summary: "it is <busy> & hot", value: "97" },
          startsAt: "1970-01-01T00:00:01.000Z",
          endsAt: "1970-01-01T00:00:02.000Z",
          generatorURL: "https://millrace.example/api/cep/alerts/00000000000000bb",
          fingerprint: "00000000000000bb",
        },
      ],
    })
  })

  it("at a gateway for short messages is its template, filled in, for each recipient", async () => {
    const body = '{"msg":{"to":["{{to}}"],"say":"! {{ text }}"},"n":1}'
    const to = ["+49301", "+49302"]
    await setup.put("sms", {
      type: "sms",
      url: `${setup.receiver.url}/sms`,
      to,
      body,
      headers: { "x-key": secret },
    })
    const alert = notified({ name: 'a "quote" \\ and {{ to }}' })
    await setup.deliver("sms", notificationOf("sms1", { alerts: [alert] }))
    await setup.overOf("sms", "sms1")
    const asked = setup.receiver.askedFor("/sms")
    expect(
      asked.map((one) => JSON.parse(one.body)).sort((a, b) => (a.msg.to[0] < b.msg.to[0] ? -1 : 1)),
    ).toEqual(
      to.map((one) => ({
        msg: {
          to: [one],
          say: [
            '! Firing, warning: a "quote" \\ and {{ to }} (host=web)',
            "value=97, mean=95.5",
            "https://millrace.example/api/cep/alerts/00000000000000aa",
            "it is <busy> & hot",
            "since 1970-01-01T00:00:01.000Z",
          ].join("\n"),
        },
        n: 1,
      })),
    )
    expect(new Set(asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(2)
    expect(asked[0]!.headers["x-key"]).toBe(secret)
  })

  it("at a gateway for short messages that refuses one number is told so in the log, and goes to the others", async () => {
    await setup.put("numbers", {
      type: "sms",
      url: `${setup.receiver.url}/numbers`,
      to: ["+491", "+492", "+493"],
    })
    setup.receiver.answer = ({ body }, response) =>
      void response.writeHead(JSON.parse(body).to === "+492" ? 400 : 200).end()
    expect(await setup.test("numbers")).toMatchObject({
      status: "delivered",
      detail: "the receiver answered 400 for 1 of 3 numbers; the others were taken",
    })
    setup.receiver.answer = (_, response) => void response.writeHead(400).end()
    expect(await setup.test("numbers")).toMatchObject({ status: "given_up" })
  })

  it("by mail is text and HTML, and nothing of an alert becomes a header or a tag", async () => {
    await setup.put("mail", {
      type: "email",
      to: ["ann@a.example", "bob@a.example"],
      from: "Watch <watch@a.example>",
      smtp: `smtp://127.0.0.1:${setup.smtp.port}`,
    })
    const alert = notified({ name: "hot\r\nBcc: eve@evil.example", annotations: { summary: "<script>&" } })
    await setup.deliver("mail", notificationOf("m1", { alerts: [alert] }))
    expect(await setup.overOf("mail", "m1")).toMatchObject({
      status: "delivered",
      detail: "the mail server took it",
    })
    const [mail] = setup.smtp.mails
    expect(mail).toMatchObject({ from: "watch@a.example", to: ["ann@a.example", "bob@a.example"] })
    const [head = ""] = mail!.data.split("\n\n")
    expect(head).toMatch(/^Subject: \[Millrace\] Firing, warning: hot Bcc: eve@evil\.example \(host=web\)$/m)
    expect(head).not.toMatch(/^bcc:/im)
    expect(head).toMatch(/^Message-ID: <[0-9a-f-]+@millrace>$/im)
    expect(mail!.data).toContain("text/html")
    // Quoted-printable breaks lines where it likes.
    expect(mail!.data.replaceAll("=\n", "")).toContain("&lt;script&gt;&amp;")
    expect(mail!.data).toContain("\n<script>&")
  })

  it("by mail without a mail server is in the log alone, which says so", async () => {
    await setup.put("nowhere", { type: "email", to: ["ann@a.example"] })
    const logged = await setup.test("nowhere")
    expect(logged.status).toBe("logged")
    expect(logged.detail).toContain("MILLRACE_SMTP_URL")
  })
})
