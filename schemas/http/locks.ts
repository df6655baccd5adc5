/** Named locks over HTTP: taken, extended and released under a fencing token. */
import * as Schema from "effect/Schema"
import { LockProtocol } from "../lock.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp } from "./paging.ts"

const { Acquire, Extend, Release } = LockProtocol.commands
const params = { name: ActorKey }
const permission = "lock:use"
const method = "POST"

export const lockEndpoints = {
  acquire: endpoint({
    id: "locks.acquire",
    method,
    path: "/api/locks/:name/acquire",
    summary: "Take a lock, waiting for it if told to.",
    permission,
    rate: "write",
    /** As long as its `wait_ms`, and a little. */
    timeLimit: "own",
    params,
    body: Schema.Struct({
      owner: Acquire.fields.owner,
      /** 0, the default, tries once. */
      wait_ms: Schema.optionalKey(Acquire.fields.waitMs),
      ttl_ms: Acquire.fields.ttlMs,
    }),
    answer: Schema.Union([
      Schema.Struct({ acquired: Schema.Literal(true), fence: Schema.Int, expires_at: Timestamp }),
      Schema.Struct({ acquired: Schema.Literal(false) }),
    ]),
    errors: ["LCK_HOLD_002", "LCK_LOAD_001"],
  }),
  extend: endpoint({
    id: "locks.extend",
    method,
    path: "/api/locks/:name/extend",
    summary: "Keep a lock for longer.",
    permission,
    params,
    body: Schema.Struct({
      owner: Extend.fields.owner,
      fence: Extend.fields.fence,
      ttl_ms: Extend.fields.ttlMs,
    }),
    answer: Schema.Struct({ expires_at: Timestamp }),
    errors: ["LCK_HOLD_001"],
  }),
  release: endpoint({
    id: "locks.release",
    method,
    path: "/api/locks/:name/release",
    summary: "Give a lock back.",
    permission,
    params,
    body: Schema.Struct(Release.fields),
    answer: Schema.Struct({ released: Schema.Literal(true) }),
    errors: ["LCK_HOLD_001"],
  }),
} as const
