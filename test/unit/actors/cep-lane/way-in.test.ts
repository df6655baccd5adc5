/** What whoever sends samples is told when the stream does not take them. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { makeLanes } from "../../../../actors/cep/lane/make-lanes.ts"
import { EngineError, LogFull, Unavailable } from "../../../../engine/index.ts"
import { toGatewayError } from "../../../../gateway/errors.ts"
import { makeMemoryEventStream } from "../../../support/memory-event-stream.ts"

const failing = async (failure: LogFull | Unavailable) => {
  const stream = { ...makeMemoryEventStream(() => 0, 1), append: () => Effect.fail(failure) }
  const sending = Effect.gen(function* () {
    const { service } = yield* makeLanes(stream)
    return yield* Effect.flip(
      service.appendSamples("t", [{ name: "a", labels: {}, value: 1, at: 1 }], ["api"]),
    )
  })
  return await Effect.runPromise(sending)
}

describe("samples that the stream does not take", () => {
  it.each([
    [
      "are too large for it are refused for good",
      new LogFull({ port: "m", detail: "d", tooLarge: true }),
      413,
    ],
    ["find no room now may be sent again", new LogFull({ port: "m", detail: "storage" }), 503],
    ["do not reach it may be sent again", new Unavailable({ port: "m", detail: "away" }), 503],
  ])("and %s", async (_, failure, status) => {
    const given = await failing(failure)
    expect(given instanceof EngineError || given instanceof Unavailable).toBe(true)
    expect(toGatewayError(given)).toMatchObject({
      status,
      ...(status === 503 ? { retryAfterSeconds: expect.any(Number) } : {}),
    })
  })
})
