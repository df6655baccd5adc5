/** What a rule that polls shows of its polls, and the credential that goes along with them. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { ActorKey, Timestamp } from "./paging.ts"

const path = "/api/cep/rules/:rule/poll-credential"
const params = { rule: ActorKey }

export const PollFigures = Schema.Struct({
  polls: Schema.Int,
  failures: Schema.Int,
  consecutive_failures: Schema.Int,
  /** Times that were due while a fetch was still under way, or while nothing ran. */
  skipped: Schema.Int,
  has_credential: Schema.Boolean,
  next_at: Schema.optionalKey(Timestamp),
  last: Schema.optionalKey(
    Schema.Struct({
      at: Timestamp,
      latency_ms: Schema.Finite,
      samples: Schema.Int,
      /** Why it failed. */
      detail: Schema.optionalKey(Schema.String),
    }),
  ),
}).annotate({ identifier: "PollFigures" })

export const cepPollEndpoints = {
  setCredential: endpoint({
    id: "cep.rules.setPollCredential",
    method: "PUT",
    path,
    summary: "Give the header that goes along with a rule's polls to the address of now; nobody is shown it.",
    permission: "cep:write",
    params,
    body: Schema.Struct({
      header: textOf(128).check(Schema.isPattern(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u)),
      value: textOf(4_096).check(Schema.isMinLength(1)),
    }),
    example: { header: "Authorization", value: "Bearer 0123456789" },
    /** Where it is sent. */
    answer: Schema.Struct({ origin: Schema.String, header: Schema.String }),
    errors: ["CEP_RULE_001", "CEP_RULE_003", "CEP_POLL_001", "CEP_POLL_002"],
  }),
  removeCredential: endpoint({
    id: "cep.rules.removePollCredential",
    method: "DELETE",
    path,
    summary: "Take the header away that goes along with a rule's polls.",
    permission: "cep:write",
    params,
    errors: ["CEP_RULE_001"],
  }),
} as const
