/** The way of mail: which servers are reached, with which passwords, and what their refusals mean. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { Egress, type EgressConfig, type MailConfig, Mailer, parseAllowList } from "../../resources/index.ts"
import { notificationOf } from "../support/notified.ts"
import { type Delivery, type NotifyingNode, startNotifyingNode } from "../support/notifying-node.ts"

const secret = "a secret that nobody sees"
const mask = "********"

let setup: NotifyingNode

beforeAll(async () => {
  setup = await startNotifyingNode()
}, 60_000)
afterAll(() => setup.stop())
afterEach(() => setup.reset())

describe("a mail server", () => {
  const channel = (url: string) => setup.put("smtp", { type: "email", to: ["ann@a.example"], smtp: url })

  it("is not told a password without TLS", async () => {
    await channel(`smtp://user:${encodeURIComponent(secret)}@127.0.0.1:${setup.smtp.port}`)
    const before = setup.smtp.said.length
    expect(await setup.test("smtp")).toMatchObject({ status: "given_up" })
    expect(setup.smtp.said.slice(before).join("\n")).not.toMatch(/AUTH|MAIL/)
    const { settings } = await setup.read("/channels/smtp")
    expect(settings).toMatchObject({ smtp: `smtp://user:${mask}@127.0.0.1:${setup.smtp.port}` })
  })

  it("that refuses for good is not asked again, one that refuses for now is", async () => {
    await channel(`smtp://127.0.0.1:${setup.smtp.port}`)
    setup.smtp.answer = (line) => (line.startsWith("RCPT") ? "550 no such user" : undefined)
    await setup.deliver("smtp", notificationOf("for good"))
    expect(await setup.overOf("smtp", "for good")).toMatchObject({
      status: "given_up",
      attempts: 1,
      detail: "the mail server answered 550",
    })
    setup.smtp.answer = (line) => (line.startsWith("RCPT") ? "451 later" : undefined)
    await setup.deliver("smtp", notificationOf("for now"))
    await expect
      .poll(async () => {
        const { deliveries } = await setup.read("/channels/smtp/log")
        return (deliveries as ReadonlyArray<Delivery>).find(({ id }) => id === "for now")
      })
      .toMatchObject({ status: "failed", detail: "the mail server answered 451" })
  })

  it("at a private address is not reached, whatever its name", async () => {
    const before = setup.smtp.said.length
    for (const host of ["127.0.0.2", "localhost", "[::1]", "169.254.169.254", "2130706434"]) {
      await channel(`smtp://${host}:2525`)
      const tested = await setup.test("smtp")
      expect(tested.status, host).toBe("given_up")
      expect(tested.detail, host).toContain("EGRESS_ALLOW")
    }
    expect(setup.smtp.said.length).toBe(before)
  })
})

describe("the way of mail", () => {
  const mail = { from: undefined, to: ["ann@a.example"], subject: "s", text: "t", html: "h", id: "one" }
  const send = (mailer: MailConfig, egress: EgressConfig, smtp: string | undefined) =>
    Effect.runPromise(
      Mailer.use(({ send }) => send(mail, smtp === undefined ? undefined : Redacted.make(smtp))).pipe(
        Effect.provide(Mailer.layer(mailer).pipe(Layer.provide(Egress.layer(egress)))),
        Effect.scoped,
        Effect.match({ onSuccess: () => "sent", onFailure: ({ message }) => message }),
      ),
    )
  const own = () => ({ url: Redacted.make(`smtp://127.0.0.1:${setup.smtp.port}`), from: "node@a.example" })

  it("leads to the operator's server wherever that is, and to nobody else's inside", async () => {
    expect(await send(own(), {}, undefined)).toBe("sent")
    expect(setup.smtp.mails.at(-1)).toMatchObject({ from: "node@a.example" })
    expect(await send(own(), {}, `smtp://127.0.0.1:${setup.smtp.port}`)).toContain("EGRESS_ALLOW")
  })

  it("leads to the very address that was checked, whatever the name means elsewhere", async () => {
    const { port } = setup.smtp
    const smtp = `smtp://mail.invalid:${port}`
    const allow = parseAllowList(`mail.invalid:${port}`)
    const before = setup.smtp.mails.length
    expect(await send(own(), { allow, resolve: async () => ["127.0.0.1"] }, smtp)).toBe("sent")
    expect(setup.smtp.mails.length).toBe(before + 1)
    expect(await send(own(), { resolve: async () => ["1.1.1.1", "127.0.0.1"] }, smtp)).toContain("127.0.0.1")
    expect(setup.smtp.mails.length).toBe(before + 1)
  })
})
