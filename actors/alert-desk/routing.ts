/** With whom an alert is told, how soon and how often again: as its rule says, else its route, else the tenant, else by default. */
import type { AlertPolicy, Grouping, KeptGrouping, Problem } from "../../schemas/index.ts"
import { groupIntervalMs, groupWaitMs } from "./limits.ts"
import { type Labelled, patternProblems } from "./matchers.ts"
import { indexing } from "./quiet-index.ts"

export interface Manner {
  /** Name of the route that the alert goes; undefined: none fits. */
  readonly route: string | undefined
  readonly groupBy: ReadonlyArray<string> | undefined
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatMs: number | undefined
}

const byDefault: Manner = {
  route: undefined,
  groupBy: undefined,
  groupWaitMs,
  groupIntervalMs,
  repeatMs: undefined,
}

const routes = indexing((all: Grouping["routes"]) =>
  all.map(({ name, matchers }) => ({ id: name, matchers })),
)

export const mannerOf = (
  grouping: Grouping | undefined,
  alert: Labelled,
  policy: AlertPolicy | undefined,
): Manner => {
  const [name] = grouping === undefined ? [] : routes(grouping.routes).fitting(alert)
  const route = name === undefined ? undefined : grouping?.routes.find((one) => one.name === name)
  const of = <K extends Exclude<keyof Manner, "route">>(field: K): Manner[K] =>
    (route?.[field] ?? grouping?.[field] ?? byDefault[field]) as Manner[K]
  return {
    route: name,
    groupBy: policy?.groupBy ?? of("groupBy"),
    groupWaitMs: of("groupWaitMs"),
    groupIntervalMs: of("groupIntervalMs"),
    repeatMs: policy?.repeatMs ?? of("repeatMs"),
  }
}

export const noGrouping: KeptGrouping = { routes: [], version: 0 }

const bounds = {
  groupWaitMs: ["group_wait", 0, 3_600_000, "at most 1h"],
  groupIntervalMs: ["group_interval", 1_000, 86_400_000, "between 1s and 1d"],
  repeatMs: ["repeat_interval", 60_000, 31 * 86_400_000, "between 1m and 31d"],
  resolveTimeoutMs: ["resolve_timeout", 1_000, 7 * 86_400_000, "between 1s and 7d"],
} as const

const mannerProblems = (
  field: string,
  given: Omit<Grouping, "routes">,
  otherwise: Omit<Grouping, "routes">,
): ReadonlyArray<Problem> => {
  const problems = Object.entries(bounds).flatMap(([key, [name, least, most, remedy]]): Array<Problem> => {
    const ms = given[key as keyof typeof bounds]
    if (ms === undefined || (ms >= least && ms <= most)) return []
    return [{ field: `${field}${name}`, problem: "it is too short or too long", remedy: `use ${remedy}` }]
  })
  const interval = given.groupIntervalMs ?? otherwise.groupIntervalMs ?? groupIntervalMs
  const repeat = given.repeatMs ?? otherwise.repeatMs
  if (problems.length > 0 || repeat === undefined || repeat >= interval) return problems
  const problem = "it is shorter than group_interval, which nothing is told more often than"
  return [{ field: `${field}repeat_interval`, problem, remedy: "let it be as long at least" }]
}

export const groupingProblems = (given: Grouping): ReadonlyArray<Problem> => {
  const names = given.routes.map(({ name }) => name)
  return [
    ...mannerProblems("", given, {}),
    ...given.routes.flatMap((route, index) => [
      ...(names.indexOf(route.name) === index
        ? []
        : [
            {
              field: `routes.${index}.name`,
              problem: "another route has this name",
              remedy: "give each route a name of its own",
            },
          ]),
      ...patternProblems(`routes.${index}.matchers`, route.matchers),
      ...mannerProblems(`routes.${index}.`, route, given),
    ]),
  ]
}
