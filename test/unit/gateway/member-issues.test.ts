import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { GatewayError } from "../../../gateway/errors.ts"
import { bodyDecoder } from "../../../gateway/http/body.ts"
import { ChannelSettings, Matchers, RuleDocument } from "../../../schemas/index.ts"

const asRule = bodyDecoder(RuleDocument)
const asChannel = bodyDecoder(Schema.Struct({ settings: ChannelSettings }))
const asSilence = bodyDecoder(Schema.Struct({ matchers: Matchers }))
const rule = { name: "Queue", trigger: { type: "metric", metric: "queue_length" } }

const told = (decode: () => unknown): Readonly<Record<string, unknown>> => {
  try {
    decode()
  } catch (refusal) {
    if (refusal instanceof GatewayError) return refusal.details
    throw refusal
  }
  throw new Error("nothing was wrong with it")
}

describe("a body with something of a type that there is not", () => {
  const cases: ReadonlyArray<readonly [string, unknown, string, string]> = [
    ["trigger", { ...rule, trigger: { type: "metrik" } }, "trigger.type", '"metric", "event", "schedule"'],
    [
      "window",
      { ...rule, aggregates: { mean: { function: "avg", window: { type: "x", size: "5m" } } } },
      "aggregates.mean.window.type",
      '"tumbling", "hopping", "sliding", "session", "count"',
    ],
    [
      "action",
      { ...rule, actions: [{ type: "notify", channel: "ops" }, { type: "mail" }] },
      "actions.1.type",
      '"notify", "call_api", "ask_ops", "execute_agent", "publish_event"',
    ],
    [
      "way to go on after a match",
      { ...rule, pattern: { stages: [{ name: "a" }], after_match: { type: "skip" } } },
      "pattern.after_match.type",
      '"no_skip", "skip_to_next", "skip_past_last_event", "skip_to_first", "skip_to_last"',
    ],
  ]
  for (const [what, document, field, values] of cases) {
    it(`is told the field and what it can be: ${what}`, () => {
      const details = told(() => asRule(document))
      expect(details).toMatchObject({ field, reason: `Expected one of ${values}` })
      expect(details).not.toHaveProperty("others")
    })
  }

  it("is told so of a channel as well", () => {
    expect(told(() => asChannel({ settings: { type: "pager" } }))).toMatchObject({
      field: "settings.type",
      reason: 'Expected one of "slack", "webhook", "alertmanager", "email", "sms", "log"',
    })
  })
})

describe("a body of a type that there is", () => {
  it("is told the very field that is missing, or not known", () => {
    expect(told(() => asChannel({ settings: { type: "slack" } }))).toMatchObject({ field: "settings.url" })
    const misspelt = { ...rule, trigger: { type: "metric", metric: "m", wher: {} } }
    expect(told(() => asRule(misspelt))).toMatchObject({
      field: "trigger.wher",
      reason: "this field is not known here",
    })
    const skip = { stages: [{ name: "a" }], after_match: { type: "skip_to_last" } }
    const details = told(() => asRule({ ...rule, pattern: skip }))
    expect(JSON.stringify(details)).toContain("pattern.after_match.stage")
  })

  it("is told which fields there are instead of one that is not known, and which one is meant if it is missing", () => {
    const actions = [{ type: "call_api", url: "https://shop.example" }]
    expect(told(() => asRule({ ...rule, actions }))).toMatchObject({
      field: "actions.0.url",
      meant: "api",
      known: ["type", "api", "method", "body", "on"],
    })
    expect(told(() => asRule({ ...rule, when: "value > 1" }))).toMatchObject({
      field: "when",
      known: expect.arrayContaining(["condition", "trigger"]),
    })
    expect(told(() => asRule({ ...rule, when: "value > 1" }))).not.toHaveProperty("meant")
  })

  it("is told what an object has where something else stands for it", () => {
    expect(told(() => asSilence({ matchers: ["host=web-1"] }))).toMatchObject({
      field: "matchers.0",
      reason: "Expected an object with name, value, operator",
    })
  })
})
