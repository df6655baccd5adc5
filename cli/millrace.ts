#!/usr/bin/env node
/** The operator's command line. `millrace --help` tells the rest. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { millrace } from "./commands.ts"

const failed = (reason: string) =>
  Effect.andThen(
    Console.error(`millrace: ${reason}`),
    Effect.sync(() => {
      process.exitCode = 1
    }),
  )

millrace.pipe(
  Command.run({ version: "0.4.1" }),
  Effect.catchTags({
    Failure: ({ reason }) => failed(reason),
    Unavailable: ({ port, detail }) => failed(`${port} does not answer: ${detail}`),
    CorruptRecord: (corrupt) => failed(corrupt.message),
  }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
)
