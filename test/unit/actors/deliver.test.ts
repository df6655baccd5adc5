/** A delivery to a receiver is made for a task's owner, as long as there is one. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { EngineAccess, PlatformAccess } from "../../../actors/index.ts"
import { deliver } from "../../../actors/task/deliver.ts"
import { initial } from "../../../actors/task/state.ts"
import type { EngineShape } from "../../../engine/index.ts"
import { scriptedPlatform } from "../../support/platform.ts"

const input = { push: { id: "p", version: "1.0" as const, sealed: "{}" }, task: "t1", n: 1, attempt: 1 }

const delivered = (access: ReturnType<typeof scriptedPlatform>["access"]) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const view = { ...initial("t1"), owner: "ann", events: [], characters: 0 }
      const engine = yield* EngineAccess.make
      yield* engine.fill({ ask: () => Effect.succeed(view) } as unknown as EngineShape)
      const platform = yield* PlatformAccess.make
      let sent = 0
      const limited = () => () => {
        sent += 1
        return Promise.reject(new Error("away"))
      }
      const secrets = { ...scriptedPlatform().secrets, open: () => '{"url":"https://a.example"}' }
      const egress = { ...scriptedPlatform().egress, limited }
      yield* platform.fill({ ...scriptedPlatform(), access, egress, secrets })
      const outcome = yield* Effect.result(
        deliver(input, { self: { tenant: "t", kind: "task", key: "t1" } }).pipe(
          Effect.provideService(EngineAccess, engine),
          Effect.provideService(PlatformAccess, platform),
        ),
      )
      return { outcome, sent }
    }),
  )

describe("a delivery", () => {
  const { access } = scriptedPlatform()

  it("goes out for an owner who is active", async () => {
    expect((await delivered(access)).sent).toBe(1)
  })

  it.each([
    ["not active any more", (found: object) => ({ ...found, active: false })],
    ["no more", () => undefined],
  ])("is given up for an owner who is %s, and the log says why", async (_, changed) => {
    const now = (...of: Parameters<typeof access>) => Effect.map(access(...of), (found) => changed(found!))
    const { outcome, sent } = await delivered(now as typeof access)
    expect(sent).toBe(0)
    expect(outcome).toMatchObject({
      success: { delivered: false, final: true, detail: "the task's owner is not active any more" },
    })
  })

  it("waits for a directory that does not answer", async () => {
    const { outcome, sent } = await delivered(() => Effect.fail(new Error("10.0.0.7 refused")))
    expect(sent).toBe(0)
    expect(outcome).toMatchObject({ failure: { code: "Unavailable", retryable: true } })
  })
})
