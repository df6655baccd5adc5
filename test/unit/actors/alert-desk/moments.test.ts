import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { groupIntervalMs, groupWaitMs } from "../../../../actors/alert-desk/limits.ts"
import { desk, fingerprint, takes, told, transition } from "../../../support/alert-desk.ts"
import { withProduct } from "../../../support/product.ts"

describe("when an alert", () => {
  it(
    "began to fire and when it was resolved is known of it, and told",
    withProduct(
      Effect.fnUntraced(function* (product) {
        const { engine } = yield* product.start()
        const read = desk(engine, { _tag: "Read", fingerprint: fingerprint() })
        yield* takes(engine, transition(1, "pending", { at: 10_000 }))
        expect(yield* read).not.toHaveProperty("firedAt")
        yield* takes(engine, transition(2, "firing", { at: 20_000 }))
        expect(yield* read).toMatchObject({ since: 20_000, firedAt: 20_000 })
        yield* Effect.sleep(groupWaitMs + 200)
        yield* takes(engine, transition(3, "resolved", { since: 20_000, at: 50_000 }))
        yield* Effect.sleep(groupIntervalMs + groupWaitMs + 200)
        expect(yield* read).toMatchObject({ since: 50_000, firedAt: 20_000, resolvedAt: 50_000 })
        expect(told(product).at(-1)!.notification.alerts).toMatchObject([
          { status: "resolved", since: 50_000, at: 50_000, firedAt: 20_000, resolvedAt: 50_000 },
        ])
        yield* takes(engine, transition(4, "pending", { at: 60_000 }))
        const pending = yield* read
        expect(pending).toMatchObject({ since: 60_000 })
        expect(pending).not.toHaveProperty("firedAt")
        expect(pending).not.toHaveProperty("resolvedAt")
      }),
    ),
  )
})
