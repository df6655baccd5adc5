/** What runs again on replay or under simulation takes time, chance and the outside world from whoever runs it. */
import { describe, expect, it } from "vitest"
import { importsOf } from "./imports.ts"
import { lineOf } from "./lexer.ts"
import { lexedOf, type Source, typescript } from "./sources.ts"

interface Ban {
  readonly pattern: RegExp
  readonly instead: string
}

const time = "in `decide` use `context.now`, in an Effect `Clock`"
const pauses = "in an actor use `setTimers`, in an Effect `Effect.sleep`"

/** A `Date` that is made from a known time only formats it. */
const bans: ReadonlyArray<Ban> = [
  { pattern: /\bDate\.now\b/g, instead: time },
  { pattern: /\bnew Date(?:\(\s*\)|(?!\s*\())/g, instead: time },
  { pattern: /(?<!\bnew )\bDate\(/g, instead: time },
  { pattern: /\bperformance\b\s*\./g, instead: time },
  {
    pattern: /\bMath\.random\b/g,
    instead: "in `decide` use `context.random`, in the engine `DeterministicRandom`",
  },
  { pattern: /\brandomUUID\b|\bgetRandomValues\b|\brandomBytes\b/g, instead: "use `context.random.uuid()`" },
  { pattern: /\bfetch\s*\(/g, instead: "declare an activity, and call out in its implementation" },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\s*\(/g, instead: pauses },
  { pattern: /\bprocess\s*\./g, instead: "take it as an option: one node runs many deployments in tests" },
]

const bannedModules: ReadonlyArray<Ban> = [
  {
    pattern: /^node:(?:crypto|http2?|https|net|timers|fs|child_process)\b/,
    instead: "use what `context` and activities give",
  },
]

/** A file that runs as an Effect may wait and read the clock; every other file of an actor is pure. */
const effectModule = /^effect\/(?:Effect|Clock|Random|Layer|Fiber|Schedule|Queue|Deferred|Stream)$/

interface EffectFiles {
  readonly path: RegExp
  readonly reason: string
}

const effectFiles: ReadonlyArray<EffectFiles> = [
  { path: /^actors\/[^/]+\.ts$/, reason: "puts the kinds together; no actor is in it" },
  { path: /^actors\/[^/]+\/implementation\.ts$/, reason: "does what activities declare, beside the mailbox" },
  { path: /^actors\/agent\/frameworks\//, reason: "how agents answer: what the activity `answer` does" },
  {
    path: /^actors\/agent\/(?:answer-caller|answering|framework|speaker|usable|watch)\.ts$/,
    reason: "carries the activity `answer` out, beside the mailbox",
  },
  { path: /^actors\/agent\/recommend\//, reason: "vectors and queries: Postgres and models, no actor" },
  { path: /^actors\/[^/]+\/index\//, reason: "projection and queries: Postgres, no actor" },
  {
    path: /^actors\/cep\/lane\//,
    reason: "reads the metric stream for the evaluators, and stores their states",
  },
  { path: /^actors\/cep-rule\/old-rules\.ts$/, reason: "wakes rules after an upgrade, no actor" },
  { path: /^actors\/metric-poll\/reseal\.ts$/, reason: "seals again what actors keep, beside them" },
  { path: /^actors\/cep-rule\/past\.ts$/, reason: "reads the stream for back-tests, no actor" },
  { path: /^actors\/cep-rule\/explained\.ts$/, reason: "reads the stream for explanations, no actor" },
  { path: /^actors\/metric-poll\/fetch-samples\.ts$/, reason: "fetches, beside the mailbox" },
  { path: /^actors\/notification\/deliver\//, reason: "delivers and acts, beside the mailbox" },
  { path: /^actors\/statistics\//, reason: "sums and queries: Postgres, no actor" },
  { path: /^actors\/lock\/with-lock\.ts$/, reason: "the caller's side of a lock: it waits" },
  {
    path: /^actors\/task\/(?:deliver|read-task)\.ts$/,
    reason: "tells receivers and reads a task from outside, beside the mailbox",
  },
  { path: /^actors\/trace\//, reason: "projection and queries: Postgres and readers, no actor" },
]

const isPureActor = (path: string): boolean =>
  path.startsWith("actors/") && !effectFiles.some((exception) => exception.path.test(path))

/** The engine runs under simulation: a look at the real clock would make a seed give two runs. */
const isBanned = (path: string): boolean => /^(?:actors|engine|ops|schemas)\//.test(path)

const callsIn = (source: Source): ReadonlyArray<string> => {
  const { code } = lexedOf(source)
  return bans.flatMap(({ pattern, instead }) =>
    [...code.matchAll(pattern)].map(
      ({ 0: call, index }) => `${source.path}:${lineOf(source.text, index)} \`${call.trim()}\`: ${instead}`,
    ),
  )
}

const modulesIn = (source: Source): ReadonlyArray<string> =>
  importsOf(source).flatMap(({ specifier, line }) => {
    const ban = bannedModules.find(({ pattern }) => pattern.test(specifier))
    const impure = isPureActor(source.path) && effectModule.test(specifier)
    if (impure)
      return [
        `${source.path}:${line} imports ${specifier}: an actor decides without waiting; move it to an activity`,
      ]
    return ban === undefined ? [] : [`${source.path}:${line} imports ${specifier}: ${ban.instead}`]
  })

const violations = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sources.filter(({ path }) => isBanned(path)).flatMap((source) => [...callsIn(source), ...modulesIn(source)])

describe("time, chance and the outside world", () => {
  it("do not reach schemas, engine, ops and actors behind the back of whoever runs them", () => {
    expect(violations(typescript)).toEqual([])
  })

  it("have exceptions that are still needed", () => {
    for (const { path, reason } of effectFiles) {
      const used = typescript.some(
        (source) =>
          path.test(source.path) && importsOf(source).some(({ specifier }) => effectModule.test(specifier)),
      )
      expect(used, `${path}: ${reason}`).toBe(true)
    }
  })
})

describe("the rule about calls notices", () => {
  const problems = (text: string, path = "actors/agent/agent.ts") => violations([{ path, text }])

  it.each([
    "Date.now()",
    "new Date()",
    "new Date",
    "Date()",
    "performance.now()",
    "Math.random()",
    "randomUUID()",
    "fetch(url)",
    "setTimeout(run, 5)",
    "setInterval(run, 5)",
    "process.env.HOME",
    'import { createHash } from "node:crypto"',
    'import * as Effect from "effect/Effect"',
    'import * as Clock from "effect/Clock"',
  ])("%s in an actor", (text) => {
    expect(problems(text)).toHaveLength(1)
  })

  it("the real clock in an activity and in the engine, where the Effect one is at hand", () => {
    expect(problems("Date.now()", "actors/agent/implementation.ts")).toHaveLength(1)
    expect(problems("Date.now()", "engine/owner.ts")).toHaveLength(1)
    expect(problems('import * as Clock from "effect/Clock"', "actors/agent/implementation.ts")).toEqual([])
  })

  it("nothing in a time that is only formatted, in a comment or in a text", () => {
    expect(problems("new Date(context.now).toISOString() // Date.now() is banned")).toEqual([])
    expect(problems('const text = "Date.now()"')).toEqual([])
  })
})
