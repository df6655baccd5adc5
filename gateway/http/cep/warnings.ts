/**
 * What of a rule is legal and will not work as things are now: it names a channel or an agent that is not there, or an
 * address that nothing here may reach, or its windows could not hold what they are for, or it has no condition. Names are not looked up for it, so that saving a rule asks nobody outside.
 */
import { isIP } from "node:net"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { type AgentIndex, Channels, conditionWarnings, roomWarnings } from "../../../actors/index.ts"
import { Egress, EgressRefused, type Refused } from "../../../resources/index.ts"
import type { Problem, RuleDocument } from "../../../schemas/index.ts"
import { usableAgentOf } from "../../agent-access.ts"
import type { Identity } from "../../auth/identity.ts"
import { GatewayError } from "../../errors.ts"

type Action = NonNullable<RuleDocument["actions"]>[number]
const none: ReadonlyArray<Problem> = []

/** Of an address that is written as one. */
const ofUrl = Effect.fnUntraced(function* (field: string, url: string) {
  if (!URL.canParse(url)) return none
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, "")
  if (isIP(host) === 0 && host !== "localhost") return none
  const egress = yield* Egress
  const to = Number(port) || (protocol === "https:" ? 443 : 80)
  return yield* Effect.promise(() =>
    egress.addresses(host, to).then(
      () => none,
      (failure: unknown) => {
        if (!(failure instanceof EgressRefused)) return none
        return [{ field, problem: `nothing is sent there: ${failure.reason}`, remedy: failure.remedy }]
      },
    ),
  )
})

const ofChannel = Effect.fnUntraced(function* (tenant: string, field: string, id: string) {
  const channel = yield* Channels.use(({ find }) => find(tenant, id))
  if (channel === undefined)
    return [
      {
        field,
        problem: `there is no channel "${id}"`,
        remedy: `make it with PUT /api/cep/notifications/channels/${id}`,
      },
    ]
  if (channel.enabled) return none
  return [{ field, problem: `the channel "${id}" is disabled`, remedy: "enable it" }]
})

const ofAgent = (identity: Identity, field: string, agent: string) =>
  usableAgentOf(identity, agent).pipe(
    Effect.as(none),
    Effect.catch((refusal) =>
      refusal instanceof GatewayError
        ? Effect.succeed([
            { field, problem: refusal.message, remedy: "name an agent that the rule's owner may ask" },
          ])
        : Effect.fail(refusal),
    ),
  )

const ofAction = (
  identity: Identity,
  action: Action,
  field: string,
): Effect.Effect<ReadonlyArray<Problem>, Refused | SqlError, AgentIndex | Channels | Egress> => {
  switch (action.type) {
    case "notify":
      return ofChannel(identity.tenant, `${field}.channel`, action.channel)
    case "execute_agent":
      return ofAgent(identity, `${field}.agent`, action.agent)
    case "call_api":
      return ofUrl(`${field}.api`, action.api)
    default:
      return Effect.succeed(none)
  }
}

/** None when it cannot be found out: what they are about is saved all the same. */
export const warningsOf = (identity: Identity, document: RuleDocument) =>
  Effect.gen(function* () {
    const { trigger, actions = [] } = document
    const poll = trigger.type === "metric" ? trigger.poll : undefined
    const ofPoll = poll === undefined ? none : yield* ofUrl("trigger.poll.url", poll.url)
    const ofActions = yield* Effect.forEach(actions, (action, index) =>
      ofAction(identity, action, `actions.${index}`),
    )
    return [...ofPoll, ...ofActions.flat()]
  }).pipe(
    Effect.orElseSucceed(() => none),
    Effect.map((found) => [...found, ...conditionWarnings(document), ...roomWarnings(document)]),
  )
