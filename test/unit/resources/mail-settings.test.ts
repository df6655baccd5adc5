/** The node's own mail server, as the environment says it. */
import { describe, expect, it } from "vitest"
import { parseSmtpUrl } from "../../../resources/index.ts"
import { readSettings } from "../../../settings.ts"

describe("MILLRACE_SMTP_URL", () => {
  it.each([
    ["smtp://mail.example", "mail.example", 587, false, undefined],
    ["smtps://mail.example", "mail.example", 465, true, undefined],
    ["smtp://a%40b:p%3Aq@mail.example:25", "mail.example", 25, false, { user: "a@b", pass: "p:q" }],
    ["smtps://[2001:db8::1]:2465", "2001:db8::1", 2465, true, undefined],
  ])("is read from %s", (url, host, port, secure, auth) => {
    expect(parseSmtpUrl(url)).toEqual({ host, port, secure, auth })
  })

  it.each([
    "mail.example",
    "http://mail.example",
    "smtp://",
    "smtp://a/b",
    "smtp://a?tls=no",
    "smtp://%:x@a",
  ])("is refused as %s, and what may be a password is not shown", (url) => {
    expect(() => readSettings({ MILLRACE_SMTP_URL: url })).toThrow(
      "MILLRACE_SMTP_URL=(not shown): expected smtp://",
    )
  })
})
