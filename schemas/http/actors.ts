/** Commands to any actor by its address; the actor's protocol says what a command's fields are. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"

export const actorEndpoints = {
  send: endpoint({
    id: "actors.send",
    method: "POST",
    path: "/api/actors/:kind/:key/:command",
    summary:
      "Send a command to an actor, and get its answer. The same Idempotency-Key gives the same answer.",
    permission: "actor:send",
    // The engine bounds how long an answer may take, and this is the busiest route: no timer of its own.
    timeLimit: "own",
    params: { kind: Schema.String, key: Schema.String, command: Schema.String },
    body: Schema.Record(Schema.String, Schema.Unknown),
    answer: Schema.Struct({ reply: Schema.Unknown }),
    errors: ["ENG_KIND_001", "ENG_CMD_001", "ENG_CMD_003", "ENG_ADDR_001", "GTW_ACTOR_001"],
  }),
} as const
