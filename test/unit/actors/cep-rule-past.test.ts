import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { backtestMessages, messagesOf } from "../../../actors/cep-rule/past.ts"

it("back-tests of one tenant leave room for those of others", async () => {
  const samples = Array.from({ length: 2_000 }, (_, index) => ({
    name: "cpu",
    labels: {},
    value: index % 100,
    at: 1_700_000_000_000 + index * 1_000_000,
  }))
  const messages = messagesOf(samples, [])
  const range = { from: samples[0]!.at, until: samples.at(-1)!.at + 1 }
  const document = { name: "r", trigger: { type: "metric", metric: "cpu" }, condition: "value > 50" } as const
  const run = (tenant: string) =>
    Effect.result(backtestMessages({ tenant, rule: "r", version: 1, document }, range, messages))
  const done = await Effect.runPromise(
    Effect.all([run("a"), run("a"), run("b"), run("c")], { concurrency: "unbounded" }),
  )
  expect(done.map((one) => (one._tag === "Failure" ? one.failure.details : one._tag))).toMatchObject([
    "Success",
    { limit: "tenantRunsMax" },
    "Success",
    { limit: "runsMax" },
  ])
  expect((await Effect.runPromise(run("a")))._tag).toBe("Success")
})
