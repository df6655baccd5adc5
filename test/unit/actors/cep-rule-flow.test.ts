/** How events flow from rule to rule, and how many rules may be tried on the past at one time. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import {
  backtestMessages,
  consumedEvents,
  cycleOf,
  inTurn,
  messagesOf,
  publishedEvents,
} from "../../../actors/index.ts"
import type { RuleDocument } from "../../../schemas/index.ts"

const flow = (rule: string, consumes: ReadonlyArray<string>, publishes: ReadonlyArray<string>) => ({
  rule,
  consumes,
  publishes,
})

describe("a cycle of rules", () => {
  it("is found on its shortest way, and only when it comes back to the rule itself", () => {
    const others = [flow("b", ["x"], ["y"]), flow("c", ["y"], ["z", "y"]), flow("d", ["x"], ["z"])]
    expect(cycleOf(flow("a", ["z"], ["x"]), others)).toEqual(["a", "x", "d", "z", "a"])
    // c brings itself about, which is none of a's business.
    expect(cycleOf(flow("a", ["w"], ["x"]), others)).toBeUndefined()
    expect(cycleOf(flow("a", ["x"], ["x"]), [])).toEqual(["a", "x", "a"])
  })

  it("is looked for in time that grows with the rules and not with the ways through them", () => {
    const layers = Array.from({ length: 60 }, (_, layer) =>
      Array.from({ length: 20 }, (_, index) => flow(`${layer}/${index}`, [`t${layer}`], [`t${layer + 1}`])),
    ).flat()
    expect(cycleOf(flow("a", ["none"], ["t0"]), layers)).toBeUndefined()
    expect(cycleOf(flow("a", ["t60"], ["t0"]), layers)).toHaveLength(2 * 61 + 1)
  })

  it("counts every place in which a document takes events in, and publishes them", () => {
    const document: RuleDocument = {
      name: "r",
      trigger: { type: "event", event: "a" },
      aggregates: { n: { function: "count", event: "b", window: { type: "sliding", size: "1m" } } },
      pattern: {
        stages: [
          { name: "one", event: "c" },
          { name: "two", any_of: [{ name: "x", event: "d" }], all_of: [{ name: "y", event: "e" }] },
          {
            name: "three",
            group: [
              { name: "z", event: "f" },
              { name: "m", metric: "cpu" },
            ],
          },
        ],
      },
      actions: [
        { type: "publish_event", event: "g" },
        { type: "publish_event", event: "g" },
        { type: "notify", channel: "ops" },
      ],
      timing: { late: "publish" },
    }
    expect(consumedEvents(document).toSorted()).toEqual(["a", "b", "c", "d", "e", "f"])
    expect(publishedEvents(document)).toEqual(["g", "millrace.late"])
  })
})

describe("rules over the past", () => {
  const document: RuleDocument = {
    name: "r",
    trigger: { type: "metric", metric: "m" },
    condition: "value > 10.0",
  }
  const rule = { tenant: "t", rule: "r", version: 1, document }

  it("are tried two at a time on a node, one of each tenant, and one more is refused", async () => {
    const many = messagesOf(
      Array.from({ length: 60_000 }, (_, at) => ({ name: "m", labels: {}, value: at % 20, at })),
      [],
    )
    const run = (tenant: string) =>
      Effect.map(
        Effect.result(backtestMessages({ ...rule, tenant }, { from: 0, until: 60_000 }, many)),
        (one) => (one._tag === "Failure" ? one.failure.details : one._tag),
      )
    const ended = await Effect.runPromise(
      Effect.all([run("a"), run("a"), run("b"), run("c")], { concurrency: "unbounded" }),
    )
    expect(ended).toMatchObject(["Success", { limit: "tenantRunsMax" }, "Success", { limit: "runsMax" }])
    expect(await Effect.runPromise(run("a"))).toBe("Success")
  })

  it("wait for their turn where they are over soon", async () => {
    const few = messagesOf(
      Array.from({ length: 500 }, (_, at) => ({ name: "m", labels: {}, value: at % 20, at })),
      [],
    )
    const run = inTurn(backtestMessages(rule, { from: 0, until: 500 }, few))
    const all = await Effect.runPromise(
      Effect.all(
        Array.from({ length: 6 }, () => run),
        { concurrency: "unbounded" },
      ),
    )
    expect(all.map(({ items }) => items)).toEqual([500, 500, 500, 500, 500, 500])
  })

  it("take what is given in the order of time", () => {
    const sample = (at: number) => ({ name: "m", labels: {}, value: 1, at })
    const event = { id: "e", type: "a", at: 1, attributes: {} }
    const given = messagesOf([sample(2), sample(1), sample(2)], [event])
    expect(given.map(({ place }) => [place.sequence, place.at])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
    ])
  })
})
