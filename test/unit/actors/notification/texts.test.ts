import { describe, expect, it } from "vitest"
import { emailHtml } from "../../../../actors/notification/deliver/email.ts"
import { slackMessage } from "../../../../actors/notification/deliver/slack.ts"
import { smsText } from "../../../../actors/notification/sms-text.ts"
import { plainText, subjectOf } from "../../../../actors/notification/texts.ts"
import { notificationOf, notified } from "../../../support/notified.ts"

const url = "https://millrace.example"
const paged = notified({
  severity: "critical",
  labels: { host: "web-1", region: "eu", team: "core", shift: "night" },
  annotations: {
    dashboard: "grafana",
    runbook_url: "https://runbooks.example/cpu?a=1&b=2",
    summary: "CPU of web-1 is 97 %",
  },
  condition: "mean > 90.0",
  since: Date.UTC(2026, 0, 1, 12),
})
const one = notificationOf("n", { alerts: [paged] })
const resolved = notified({
  ...paged,
  status: "resolved",
  labels: { host: "web-2", region: "eu" },
  firedAt: Date.UTC(2026, 0, 1, 12),
  at: Date.UTC(2026, 0, 1, 12, 7, 30),
})

describe("who is paged", () => {
  it("reads in one line what it is, how bad, and where", () => {
    expect(subjectOf(one)).toBe("Firing, critical: CPU is busy (host=web-1, region=eu, team=core)")
    const several = notificationOf("n", { alerts: [paged, paged, resolved], reason: "changed" })
    expect(subjectOf(several)).toBe(
      "Firing, critical: CPU is busy (3 alerts: 2 firing, 1 resolved; region=eu)",
    )
    expect(subjectOf({ ...several, truncated: 40 })).toBe(
      "Firing, critical: CPU is busy (43 alerts; region=eu)",
    )
  })

  it("is told the severity of what still fires, not of what is over", () => {
    const mild = notified({ severity: "warning", labels: {} })
    expect(subjectOf(notificationOf("n", { alerts: [resolved, mild] }))).toMatch(/^Firing, warning:/)
  })

  it("reads the summary first, then the numbers beside what is asked of them, and where to go from there", () => {
    expect(plainText(one, url).split("\n")).toEqual([
      "Firing, critical: CPU is busy (host=web-1, region=eu, team=core)",
      "",
      "firing (critical): CPU is busy",
      "CPU of web-1 is 97 %",
      "values: value=97, mean=95.5 · mean > 90.0",
      "labels: host=web-1, region=eu, team=core, shift=night",
      "since: 2026-01-01T12:00:00.000Z",
      "dashboard: grafana",
      "Runbook: https://runbooks.example/cpu?a=1&b=2",
      "Alert: https://millrace.example/api/cep/alerts/00000000000000aa",
    ])
  })

  it("hears how long it lasted when it is over, and why when it could not be evaluated", () => {
    const over = plainText(notificationOf("n", { alerts: [resolved] }), undefined)
    expect(over).toContain("Resolved: CPU is busy (host=web-2, region=eu)")
    expect(over).toContain("resolved: 2026-01-01T12:07:30.000Z, after 7m30s")
    const failed = notified({ status: "error", detail: "no such label: host", condition: "x" })
    const error = plainText(notificationOf("n", { alerts: [failed] }), undefined)
    expect(error).toContain("why: no such label: host")
    expect(error).not.toContain("· x")
  })

  it("by Slack sees at a glance how bad it is, with links and within the bounds of messages", () => {
    const { blocks, text } = slackMessage(one, url)
    expect(text).toMatch(/^🔴 Firing, critical/)
    const section = (blocks[1] as { text: { text: string } }).text.text
    expect(section).toContain("*firing (critical): CPU is busy*")
    expect(section).toContain(
      "<https://runbooks.example/cpu?a=1&amp;b=2|Runbook> · <https://millrace.example",
    )
    expect(slackMessage(notificationOf("n", { alerts: [resolved] }), url).text).toMatch(/^✅ Resolved/)
    const long = notified({
      name: "&".repeat(200),
      annotations: { summary: "&".repeat(2_000), runbook: `https://r.example/${"a&".repeat(900)}` },
    })
    const many = slackMessage(notificationOf("n", { alerts: Array(100).fill(long), truncated: 9 }), url)
    expect(many.blocks.length).toBeLessThanOrEqual(50)
    const texts = many.blocks.map((block) => (block as { text: { text: string } }).text.text)
    expect(texts[0]!.length).toBeLessThanOrEqual(150)
    expect(Math.max(...texts.map((one) => one.length))).toBeLessThanOrEqual(3_000)
    expect(texts.at(-1)).toBe("and 89 more alerts")
  })

  it("by mail finds the links to click on", () => {
    expect(emailHtml(one, url)).toContain(
      '<a href="https://runbooks.example/cpu?a=1&amp;b=2">Runbook</a> · <a href="https://millrace.example/',
    )
    const script = notified({ annotations: { runbook: "javascript:alert(1)" } })
    expect(emailHtml(notificationOf("n", { alerts: [script] }), undefined)).not.toContain("href")
  })

  it("by short message is told as much as two of them hold, with the characters that a phone has or without", () => {
    expect(smsText(one, url).split("\n")).toEqual([
      "Firing, critical: CPU is busy (host=web-1, region=eu, team=core)",
      "value=97, mean=95.5; mean > 90.0",
      "https://millrace.example/api/cep/alerts/00000000000000aa",
      "CPU of web-1 is 97 %",
      "since 2026-01-01T12:00:00.000Z",
    ])
    const accented = smsText(notificationOf("n", { alerts: [notified({ name: "Прилив" })] }), url)
    expect(accented).toContain("value=97")
    expect(accented.length).toBeLessThanOrEqual(134)
    for (const name of ["a".repeat(500), "Ж".repeat(500), "😀".repeat(500), "[".repeat(500)]) {
      const text = smsText(notificationOf("n", { alerts: [notified({ name })] }), url)
      expect(text.isWellFormed()).toBe(true)
      expect(text.length).toBeLessThanOrEqual(/^[\x20-\x7e\n]*$/.test(text) ? 306 : 134)
      expect(text.length).toBeGreaterThan(100)
    }
  })
})
