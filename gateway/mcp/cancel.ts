/** Ends the call that a client cancels, wherever it runs: what the call is named by says which task it is. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { TaskProtocol } from "../../schemas/index.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { callIdOf } from "./call-id.ts"

/** A notification may overtake its call, on another node as well: it is waited for through so many growing pauses, 1.6 s in all. */
const pausesMax = 6
const growing = Schedule.exponential("25 millis")

const cancelTask = ({ engine }: GatewayServices, tenant: string, task: string) =>
  engine.ask(TaskProtocol, task, { _tag: "Cancel" }, { tenant }).pipe(
    Effect.retry({
      schedule: growing,
      times: pausesMax,
      while: (failure) => failure._tag === "Rejected" && failure.rejection._tag === "TaskUnknown",
    }),
    Effect.ignore,
  )

/** Does nothing for a call that is over, or that is no agent's. */
export const cancelCall = async (
  services: GatewayServices,
  request: GatewayRequest,
  params: unknown,
): Promise<void> => {
  const { requestId } = (params ?? {}) as { readonly requestId?: unknown }
  const task = callIdOf(request, requestId)
  if (task !== undefined) await Effect.runPromise(cancelTask(services, request.identity.tenant, task))
}
