/**
 * One question about infrastructure, from its words to the blocks of its answer. Each stage is an activity whose result
 * is journaled, so that a plan goes on after a crash with the stage that was running.
 *
 * I1 The question is asked once and never changes. I2 Stages run one after another, each at most once to its end.
 * I3 An ended plan has blocks; one that was rejected or failed says why in a text. I4 Everybody who asked is answered,
 * at most `waitingMax` wait. I5 A plan that is not valid is not executed.
 */
import * as Schema from "effect/Schema"
import { accept, type Decision, define, reject } from "../../engine/index.ts"
import { composeFailure, composeProblems, Findings } from "../../ops/index.ts"
import {
  AnswerBlock,
  OpsPlanProtocol,
  Plan,
  type PlanAnswer,
  PlanStatus,
  type Problem,
  Stage,
  StageName,
  type Tagged,
} from "../../schemas/index.ts"
import { CallerSchema } from "../caller.ts"
import { stages } from "./stages.ts"

export const waitingMax = 64

const State = Schema.Struct({
  plan: Schema.String,
  asked: Schema.optionalKey(
    Schema.Struct({
      question: Schema.String,
      at: Schema.Finite,
      traceId: Schema.String,
      owner: Schema.optionalKey(Schema.String),
    }),
  ),
  waiting: Schema.Array(CallerSchema),
  status: PlanStatus,
  stages: Schema.Array(Stage),
  decided: Schema.optionalKey(Plan),
  findings: Schema.optionalKey(Findings),
  blocks: Schema.Array(AnswerBlock),
})
type State = typeof State.Type

const at = Schema.Finite
const events = {
  Asked: { question: Schema.String, traceId: Schema.String, at, owner: Schema.optionalKey(Schema.String) },
  WaiterJoined: { caller: CallerSchema },
  StageStarted: { stage: StageName, at },
  StageEnded: { stage: StageName, failed: Schema.optionalKey(Schema.String), at },
  Decided: { plan: Plan },
  Found: { findings: Findings },
  Ended: { status: Schema.Literals(["answered", "rejected", "failed"]), blocks: Schema.Array(AnswerBlock) },
}
type Event = Tagged<typeof events>
type Step = Decision<Event, undefined, never>
type Failure = { readonly _tag: "Failure"; readonly code: string; readonly detail: string }

const routeOf = ({ decided }: State) => (decided === undefined ? {} : { route: decided.route })

const done = (stage: StageName, now: number): Event => ({ _tag: "StageEnded", stage, at: now })

/** The stage is over; the next one starts. */
const next = (
  ended: StageName,
  started: Exclude<StageName, "route_plan">,
  input: unknown,
  now: number,
  result: ReadonlyArray<Event> = [],
): Step =>
  accept({
    events: [done(ended, now), ...result, { _tag: "StageStarted", stage: started, at: now }],
    start: [{ activity: started, input }],
  })

const end = (
  state: State,
  last: Event,
  status: PlanAnswer["status"],
  blocks: ReadonlyArray<AnswerBlock>,
): Step =>
  accept({
    events: [last, { _tag: "Ended", status, blocks }],
    answers: state.waiting.map((caller) => ({
      caller,
      reply: { plan: state.plan, ...routeOf(state), status, blocks },
    })),
  })

const failed = (state: State, stage: StageName, { code, detail }: Failure, now: number): Step => {
  const text = composeFailure(state.asked?.question ?? "", stage, `${code}: ${detail}`)
  const last: Event = { _tag: "StageEnded", stage, failed: `${code}: ${detail}`, at: now }
  return end(state, last, "failed", [{ type: "text", text }])
}

const refused = (state: State, problems: ReadonlyArray<Problem>, now: number): Step => {
  const text = composeProblems(state.asked?.question ?? "", problems)
  return end(state, done("validate", now), "rejected", [{ type: "text", text }])
}

export const OpsPlan = define(OpsPlanProtocol, {
  events,
  state: State,
  activities: stages,
  initial: (plan): State => ({ plan, waiting: [], status: "running", stages: [], blocks: [] }),
  decide: {
    Ask: (state, { question }, { now, caller, traceId, principal }) => {
      const joined: ReadonlyArray<Event> = caller === undefined ? [] : [{ _tag: "WaiterJoined", caller }]
      if (state.asked === undefined) {
        return accept({
          events: [
            {
              ...{ _tag: "Asked", question, traceId, at: now },
              ...(principal === undefined ? {} : { owner: principal }),
            },
            ...joined,
            { _tag: "StageStarted", stage: "route_plan", at: now },
          ],
          start: [{ activity: "route_plan", input: { question, at: now } }],
        })
      }
      if (state.asked.question !== question) {
        return reject({ _tag: "PlanTaken", question: state.asked.question })
      }
      const { status, blocks } = state
      if (status !== "running") {
        return accept({ reply: { plan: state.plan, ...routeOf(state), status, blocks } })
      }
      if (state.waiting.length >= waitingMax) return reject({ _tag: "TooManyWaiting", limit: waitingMax })
      return accept({ events: joined })
    },
    Read: (state) => {
      const { plan, asked, status, decided, stages, blocks } = state
      if (asked === undefined) return reject({ _tag: "PlanUnknown" })
      const { question, at: askedAt, traceId, owner } = asked
      return accept({
        reply: {
          ...{ plan, question, status, askedAt, traceId, stages, blocks },
          ...(decided === undefined ? {} : { decided }),
          ...(owner === undefined ? {} : { owner }),
        },
      })
    },
  },
  settled: {
    route_plan: (state, outcome, { now }) => {
      if (outcome._tag === "Failure") return failed(state, "route_plan", outcome, now)
      const plan = outcome.output
      return next("route_plan", "validate", { plan, at: state.asked?.at ?? now }, now, [
        { _tag: "Decided", plan },
      ])
    },
    validate: (state, outcome, { now }) => {
      if (outcome._tag === "Failure") return failed(state, "validate", outcome, now)
      if (outcome.output.length > 0) return refused(state, outcome.output, now)
      return next("validate", "execute", { plan: state.decided }, now)
    },
    execute: (state, outcome, { now }) => {
      if (outcome._tag === "Failure") return failed(state, "execute", outcome, now)
      const findings = outcome.output
      const { question, at } = state.asked!
      return next("execute", "compose", { question, at, plan: state.decided, findings }, now, [
        { _tag: "Found", findings },
      ])
    },
    compose: (state, outcome, { now }) => {
      if (outcome._tag === "Failure") return failed(state, "compose", outcome, now)
      const { decided: plan, findings } = state
      return next("compose", "present", { plan, findings, composition: outcome.output }, now)
    },
    present: (state, outcome, { now }) =>
      outcome._tag === "Failure"
        ? failed(state, "present", outcome, now)
        : end(state, done("present", now), "answered", outcome.output),
  },
  evolve: {
    Asked: (state, { _tag, ...asked }) => ({ ...state, asked }),
    WaiterJoined: (state, { caller }) => ({ ...state, waiting: [...state.waiting, caller] }),
    StageStarted: (state, { stage, at }): State => ({
      ...state,
      stages: [...state.stages, { name: stage, status: "running", startedAt: at }],
    }),
    StageEnded: (state, { stage, failed, at }) => {
      const ended: Pick<Stage, "status" | "endedAt" | "detail"> =
        failed === undefined
          ? { status: "done", endedAt: at }
          : { status: "failed", endedAt: at, detail: failed }
      return {
        ...state,
        stages: state.stages.map((one) => (one.name === stage ? { ...one, ...ended } : one)),
      }
    },
    Decided: (state, { plan }) => ({ ...state, decided: plan }),
    Found: (state, { findings }) => ({ ...state, findings }),
    /** The blocks tell all that the findings did. */
    Ended: ({ findings: _, ...state }, { status, blocks }) => ({ ...state, status, blocks, waiting: [] }),
  },
})
