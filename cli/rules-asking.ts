/** What all commands about rules have in common: their arguments, and how the node is asked. */
import { readFile } from "node:fs/promises"
import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type { Problem } from "../schemas/index.ts"
import { Failure } from "./failure.ts"
import { askNode } from "./node-http.ts"

export const area = "/api/cep/rules"
export const path = (rule: string, what = "") => `${area}/${encodeURIComponent(rule)}${what}`

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("print the node's answer"),
  Flag.withDefault(false),
)
export const ruleId = Argument.String("rule")
export const file = Flag.String("file").pipe(
  Flag.withAlias("f"),
  Flag.withDescription("a rule in YAML or JSON"),
)

export const print = <A>(asJson: boolean, value: A, render: (value: A) => string) =>
  Console.log(asJson ? JSON.stringify(value, undefined, 2) : render(value))

export const textOf = (name: string) =>
  Effect.tryPromise({
    try: () => readFile(name, "utf8"),
    catch: (cause) => new Failure({ reason: `${name} cannot be read: ${String(cause)}` }),
  })

export const ask = <A>(method: string, of: string, body?: unknown) =>
  askNode<A>(
    {
      method,
      path: of,
      ...(body === undefined ? {} : { type: "application/json", body: JSON.stringify(body) }),
    },
    process.env,
  )

/** A body as it stands in a file. */
export const askWithFile = <A>(method: string, of: string, type: string, body: string) =>
  askNode<A>({ method, path: of, type, body }, process.env)

export const warningLine = ({ field, problem, remedy }: Problem): string =>
  `warning: ${field}: ${problem}; ${remedy}`
