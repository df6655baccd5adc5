import { describe, expect, it } from "vitest"
import { credentialProblems } from "../../../actors/cep-rule/credentials.ts"
import type { Action, RuleDocument } from "../../../schemas/index.ts"

const rule = (more: Partial<RuleDocument>): RuleDocument => ({
  name: "r",
  trigger: { type: "metric", metric: "load" },
  ...more,
})
const calling = (api: string, body?: string): RuleDocument => {
  const call: Action = { type: "call_api", api, ...(body === undefined ? {} : { body }) }
  return rule({ actions: [{ type: "notify", channel: "ops" }, call] })
}
const fieldsOf = (document: RuleDocument) => credentialProblems(document).map(({ field }) => field)

describe("a rule's document", () => {
  it.each([
    "https://ann:secret@api.example/restart",
    "https://token@api.example/restart",
    "https://api.example/restart?api_key=0123456789",
    "https://api.example/restart?x=1&accessToken=0123456789",
    "https://func.example/api/restart?code=abcdef",
    "https://logic.example/triggers/run?sv=1.0&sig=abcdef",
    "https://hooks.slack.com/services/T0/B0/XXXX",
    "https://discord.com/api/webhooks/1/abc",
    "https://api.telegram.org/bot1:abc/sendMessage",
  ])("is refused with the secret in %s, and told where secrets are sealed", (api) => {
    expect(fieldsOf(calling(api))).toEqual(["actions.1.api"])
    expect(credentialProblems(calling(api))[0]?.remedy).toContain("/api/cep/notifications/channels/{id}")
  })

  it.each([
    "https://api.example/restart?service=shop&keyboard=1&token=",
    "https://slack.example/services/T0",
    "https://discord.com/api/status",
    "https://api.example:8443/v1/tokens/7",
    "restart",
    "",
  ])("may call %j", (api) => {
    expect(fieldsOf(calling(api))).toEqual([])
  })

  it("is refused with a secret in a body, and may have an alert fill one in", () => {
    const api = "https://api.example/restart"
    expect(fieldsOf(calling(api, '{"auth":{"apiKey":"0123"}}'))).toEqual(["actions.1.body"])
    expect(fieldsOf(calling(api, '[{"password":"0123"}]'))).toEqual(["actions.1.body"])
    expect(fieldsOf(calling(api, '{"token":"{{ labels.token }}","service":"shop"}'))).toEqual([])
    expect(fieldsOf(calling(api, "token: no JSON"))).toEqual([])
  })

  it("is refused with a secret in the address that it polls", () => {
    const polling = (url: string) =>
      rule({
        trigger: { type: "metric", metric: "load", poll: { url, every: "1m", format: "prometheus" } },
      })
    expect(fieldsOf(polling("https://shop.example/metrics?api_key=0123"))).toEqual(["trigger.poll.url"])
    expect(fieldsOf(polling("https://shop.example/metrics?host=a"))).toEqual([])
  })
})
