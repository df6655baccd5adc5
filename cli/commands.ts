/** The commands of `millrace`: each prints a table for people or JSON for programs. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { kinds } from "../actors/index.ts"
import { resealAll, sealedRows } from "../resources/index.ts"
import { actorAt } from "./actor-history.ts"
import * as DeadLetters from "./dead-letters.ts"
import { Deployment } from "./deployment.ts"
import { Failure } from "./failure.ts"
import { lanes } from "./lanes.ts"
import { getJson } from "./node-http.ts"
import { onPlatform } from "./platform.ts"
import { renderActor, renderLetters, renderTree } from "./render.ts"
import { rules } from "./rules.ts"
import { renderResealed, renderSealed } from "./secrets.ts"
import { type Health, renderHealth } from "./status.ts"
import { migrateTenants } from "./tenants.ts"
import { fromNode, fromStreams } from "./traces.ts"

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("print JSON instead of a table"),
  Flag.withDefault(false),
)

const print = <A>(asJson: boolean, value: A, render: (value: A) => string) =>
  Console.log(asJson ? JSON.stringify(value, undefined, 2) : render(value))

const onDeployment = Effect.provide(Deployment.layer(process.env))

const trace = Command.make(
  "trace",
  {
    id: Argument.String("trace-id"),
    json,
    streams: Flag.Boolean("streams").pipe(
      Flag.withDescription("read the streams themselves: every tenant, and no node needed"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* (input) {
    const projected = input.streams ? undefined : yield* fromNode(input.id, process.env)
    const tree = projected ?? (yield* onDeployment(fromStreams(input.id)))
    if (tree === undefined) return yield* new Failure({ reason: `there is nothing of a trace ${input.id}` })
    yield* print(input.json, tree, renderTree)
  }),
).pipe(Command.withDescription("Show a trace as the tree of what caused what"))

const letterId = Argument.String("id")

const listLetters = Command.make("list", { json }, (input) =>
  Effect.flatMap(onDeployment(DeadLetters.list), (letters) => print(input.json, letters, renderLetters)),
).pipe(Command.withDescription("List what could not be handled, oldest first in each partition"))

const showLetter = Command.make("show", { id: letterId }, ({ id }) =>
  Effect.flatMap(onDeployment(DeadLetters.show(id)), (letter) =>
    Console.log(JSON.stringify(letter, undefined, 2)),
  ),
).pipe(Command.withDescription("Show one with its command and the reason"))

const redriveLetter = Command.make(
  "redrive",
  { id: letterId, json },
  Effect.fnUntraced(function* (input) {
    const as = yield* onDeployment(DeadLetters.redrive(input.id, yield* Clock.currentTimeMillis))
    yield* print(input.json, { id: input.id, as }, () => `${input.id} was sent again as ${as}`)
  }),
).pipe(Command.withDescription("Give its command to its actor once more"))

const deadLetters = Command.make("dead-letters").pipe(
  Command.withDescription("Commands that no actor could handle"),
  Command.withSubcommands([listLetters, showLetter, redriveLetter]),
)

const actor = Command.make(
  "actor",
  {
    address: Argument.String("tenant/kind/key"),
    at: Flag.String("at").pipe(
      Flag.withDescription("a journal sequence or an ISO time; now when absent"),
      Flag.optional,
    ),
    json,
  },
  Effect.fnUntraced(function* (input) {
    const found = yield* onDeployment(actorAt(input.address, Option.getOrUndefined(input.at), kinds))
    yield* print(input.json, found, renderActor)
  }),
).pipe(Command.withDescription("Rebuild an actor from its journal, as it was at a moment"))

const status = Command.make("status", { json }, (input) =>
  Effect.flatMap(getJson<Health>("/health", process.env, [200, 503]), (health) =>
    print(input.json, health, renderHealth),
  ),
).pipe(Command.withDescription("Show the node's health, its partitions and how far the projections are"))

const resealSecrets = Command.make("reseal", { json }, (input) =>
  Effect.flatMap(onPlatform(resealAll, process.env), (done) => print(input.json, done, renderResealed)),
).pipe(Command.withDescription("Seal again under the newest key what is sealed under older ones"))

const secrets = Command.make("secrets", { json }, (input) =>
  Effect.flatMap(onPlatform(sealedRows, process.env), (report) => print(input.json, report, renderSealed)),
).pipe(
  Command.withDescription("Show how many rows are sealed under which key"),
  Command.withSubcommands([resealSecrets]),
)

const migrateTheirDatabases = Command.make("migrate", { json }, (input) =>
  migrateTenants(process.env, input.json),
).pipe(
  Command.withDescription("Bring the platform's database and every tenant's own to this version's tables"),
)

const tenants = Command.make("tenants").pipe(
  Command.withDescription("The tenants of the deployment"),
  Command.withSubcommands([migrateTheirDatabases]),
)

export const millrace = Command.make("millrace").pipe(
  Command.withDescription("The operator's view of a Millrace deployment"),
  Command.withSubcommands([trace, deadLetters, actor, status, lanes, rules, secrets, tenants]),
)
