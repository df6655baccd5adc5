/** What a monitor shows of a rule in its lane. */
import type { GroupFigures, RuleFigures } from "./evaluator.ts"
import type { Group } from "./group/group.ts"
import { valuesOf } from "./group/tell.ts"
import type { TenantRules } from "./tenant-rules.ts"

/** About what a group takes without its windows and partial matches. */
const groupBytes = 600

const nothing = {
  evaluations: 0,
  matches: 0,
  errors: 0,
  late: 0,
  refused: 0,
  crowdedOut: 0,
  transitions: 0,
  groups: 0,
  partialMatches: 0,
  partialMatchesDropped: 0,
  stateBytes: 0,
}

export const figuresOf = (rules: TenantRules, name: string): RuleFigures | undefined => {
  const awaited = rules.awaiting.get(name)?.change
  const isFilling = awaited !== undefined
  const broken = rules.refused.get(name)
  if (broken !== undefined) {
    const lastError = { at: broken.at, detail: broken.detail }
    return { ...nothing, rule: name, version: broken.version, number: broken.number, isFilling, lastError }
  }
  const rule = rules.rules.get(name)
  if (rule === undefined && awaited !== undefined)
    return { ...nothing, rule: name, version: awaited.version, number: -1, isFilling }
  if (rule === undefined) return undefined
  let partialMatches = 0
  let partialMatchesDropped = 0
  let stateBytes = 0
  for (const group of rule.groups.values()) {
    partialMatches += group.matcher?.partialMatches() ?? 0
    partialMatchesDropped += group.matcher?.limited() ?? 0
    stateBytes += groupBytes + (group.aggregates?.bytes() ?? 0) + (group.matcher?.bytes() ?? 0)
  }
  const { evaluations, matches, errors, late, refused, transitions, crowdedOut } = rule
  return {
    ...{ evaluations, matches, errors, late, refused, transitions },
    rule: name,
    version: rule.program.version,
    number: rule.number,
    isFilling,
    groups: rule.groups.size,
    partialMatches,
    partialMatchesDropped,
    stateBytes,
    crowdedOut,
    ...(rule.lastError === undefined ? {} : { lastError: rule.lastError }),
    ...(Number.isFinite(rule.newestAt) ? { newestAt: rule.newestAt } : {}),
    ...(Number.isFinite(rule.lastItemAt) ? { lastItemAt: rule.lastItemAt } : {}),
  }
}

export const groupFiguresOf = (group: Group): GroupFigures => {
  group.loadScope(group.life.at)
  return {
    fingerprint: group.fingerprint,
    labels: group.labels,
    state: group.life.state,
    since: Number.isFinite(group.life.since) ? group.life.since : group.newest,
    at: group.newest,
    ...(Number.isFinite(group.value) ? { value: group.value } : {}),
    values: valuesOf(group),
  }
}
