/**
 * A task's events for one follower, in order, each once and without gaps: live from signals, which may be lost, and by
 * reading the task again whenever a number is missing or nothing came for a while. A follower that is slow holds nothing
 * up: what it did not take is read again later.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { isEnded, type TaskEvent, TaskProtocol, type TaskSignal, taskTopic } from "../../schemas/index.ts"
import type { GatewayServices } from "../services.ts"

/** Live events that wait for the follower; beyond it they are read again. */
const liveMax = 4_096
/** A task that cannot be read for so long has no followers. */
const unreadableMsMax = 60_000

/** Nothing comes after it until somebody does something. */
export const isPause = (event: TaskEvent): boolean =>
  event.type === "status" && (isEnded(event.status) || event.status === "input-required")

const pause = (ms: number, signal: AbortSignal, onWake: (wake: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener("abort", wake, { once: true })
    onWake(wake)
  })

/**
 * Events with `after` < n. Ends after the one that ends the task or asks its user back, and when the signal is aborted.
 * Events that an ended task gave up are left out. Rejects when the task cannot be read.
 */
export async function* followTask(
  { engine, limits }: GatewayServices,
  at: { readonly tenant: string; readonly task: string; readonly after: number },
  signal: AbortSignal,
): AsyncGenerator<TaskEvent, void, undefined> {
  const { tenant, task } = at
  let position = at.after
  let live: Array<TaskEvent> = []
  let isBehind = true
  /** The newest event that is known of: a question that was answered since pauses nothing. */
  let newest = 0
  let wake = () => {}
  const scope = Effect.runSync(Scope.make())
  const heard = (body: unknown) => {
    const { events } = body as TaskSignal
    newest = Math.max(newest, events.at(-1)?.n ?? 0)
    live.push(...events)
    if (live.length > liveMax) {
      live = []
      isBehind = true
    }
    wake()
  }
  const sleep = (ms: number) =>
    pause(ms, signal, (next) => {
      wake = next
    })
  let readableAt = performance.now()
  const read = async () => {
    try {
      const page = { _tag: "Read", after: position, limit: limits.pageEventsMax } as const
      const view = await Effect.runPromise(engine.ask(TaskProtocol, task, page, { tenant }))
      readableAt = performance.now()
      return view
    } catch (failure) {
      const { _tag } = failure as { readonly _tag?: unknown }
      if (_tag === "Rejected" || performance.now() - readableAt > unreadableMsMax) throw failure
      return undefined
    }
  }
  try {
    // Listens first and reads then, so that nothing falls in between.
    await Effect.runPromise(
      Effect.provideService(engine.listen(taskTopic(tenant, task), heard), Scope.Scope, scope),
    )
    while (!signal.aborted) {
      let events: ReadonlyArray<TaskEvent> = live.splice(0)
      if (isBehind) {
        const view = await read()
        if (view === undefined) {
          await sleep(limits.rereadEveryMs)
          continue
        }
        // A number that was never given out: what is next is what comes next.
        position = Math.min(Math.max(position, view.oldest - 1), view.last)
        events = view.events
        newest = Math.max(newest, view.last)
        isBehind = position + events.length < view.last
        if (events.length === 0 && isEnded(view.status)) return
      }
      let taken = 0
      for (const event of events) {
        if (event.n <= position) continue
        if (event.n !== position + 1) {
          isBehind = true
          break
        }
        position = event.n
        taken += 1
        yield event
        if (signal.aborted || (isPause(event) && event.n >= newest)) return
      }
      if (taken > 0 || isBehind || live.length > 0) continue
      await sleep(limits.rereadEveryMs)
      // Nothing was heard: what was said may have been lost on its way.
      isBehind = live.length === 0
    }
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
