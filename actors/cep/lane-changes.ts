/** Which rules a lane has, and how they change: at once, or once the past of what begins anew is made up for. */
import { compile } from "./compile.ts"
import { contain } from "./containment.ts"
import type { AwaitedChange, Output, Place, RuleChange } from "./evaluator.ts"
import type { Host } from "./group/host.ts"
import { counters, LiveRule } from "./group/live-rule.ts"
import type { Program } from "./rule/program.ts"
import { beganAt, endGroups, goesOn, goOn, hasAlerts, succeed } from "./rule-change.ts"
import { namesOf, TenantRules } from "./tenant-rules.ts"

/** Rules of one lane; further ones are shown as refused and do not run. */
export const rulesMax = 20_000

/** Alerts that there are were decided by items that may have come long before windows begin. */
export const alertReachMs = 24 * 60 * 60_000

const compiled = ({ rule, version, document }: RuleChange): Program | string | undefined =>
  document === undefined || document.enabled === false ? undefined : compile(rule, version, document)

export class LaneChanges {
  readonly tenants = new Map<string, TenantRules>()
  private readonly host: Host
  private readonly say: (output: Output) => void

  constructor(host: Host, say: (output: Output) => void) {
    this.host = host
    this.say = say
  }

  obtain(tenant: string): TenantRules {
    const rules = this.tenants.get(tenant) ?? new TenantRules(tenant)
    this.tenants.set(tenant, rules)
    return rules
  }

  find(tenant: string, rule: string): LiveRule | undefined {
    return this.tenants.get(tenant)?.rules.get(rule)
  }

  announce(change: RuleChange, place: Place): void {
    const tenant = this.obtain(change.tenant)
    if (tenant.knows(change)) return
    const program = compiled(change)
    const reachMs = typeof program === "object" ? this.reachMs(tenant, change, program) : 0
    if (typeof program === "object" && reachMs > 0)
      tenant.await({ change, place: { ...place }, reachMs, names: namesOf(program) })
    else this.change(change)
  }

  /** How far back the past of a rule has to be read before a change of it counts. */
  private reachMs(tenant: TenantRules, change: RuleChange, program: Program): number {
    const before = tenant.rules.get(change.rule)
    if (change.anew !== undefined) return Math.max(program.reachMs, alertReachMs)
    if (before === undefined) return this.hasRoom ? program.reachMs : 0
    if (goesOn(before, program)) return 0
    return hasAlerts(before) ? Math.max(program.reachMs, alertReachMs) : program.reachMs
  }

  awaiting(): ReadonlyMap<string, ReadonlyMap<string, AwaitedChange>> {
    const waiting = [...this.tenants.values()].filter(({ awaiting }) => awaiting.size > 0)
    return new Map(waiting.map(({ tenant, awaiting }) => [tenant, awaiting]))
  }

  /** With what an evaluator of the past has made of it, if there is one. */
  change(change: RuleChange, past?: LaneChanges): void {
    const tenant = this.obtain(change.tenant)
    if (tenant.knows(change)) return
    tenant.awaiting.delete(change.rule)
    const before = tenant.rules.get(change.rule)
    const program = compiled(change)
    const isAnew = change.anew !== undefined
    if (!isAnew && before !== undefined && typeof program === "object" && goOn(before, program)) {
      before.number = change.number
      return
    }
    const heir = typeof program === "object" ? past?.find(change.tenant, change.rule) : undefined
    if (before !== undefined) {
      tenant.remove(before)
      if (heir === undefined) endGroups(before)
    }
    tenant.refused.delete(change.rule)
    if (program === undefined) tenant.noteGone(change.rule, change.number)
    else if (typeof program === "string") this.refuse(tenant, change, program)
    else if (before === undefined && !this.hasRoom)
      this.refuse(tenant, change, `a lane has at most ${rulesMax} rules`)
    else this.begin(tenant, change, program, before, heir)
    // That it began anew is said once it has said what holds.
    if (isAnew) this.say(beganAt(this.host.place, change))
  }

  private begin(
    tenant: TenantRules,
    { number, anew }: RuleChange,
    program: Program,
    before: LiveRule | undefined,
    heir: LiveRule | undefined,
  ): void {
    const serial = before?.serial ?? this.host.nextSerial()
    const rule = heir ?? new LiveRule(this.host, tenant.tenant, program, number, serial)
    heir?.moveTo(this.host, serial)
    for (const counter of counters) rule[counter] = before?.[counter] ?? 0
    tenant.install(rule)
    contain(rule, () => {
      rule.start()
      if (heir !== undefined) succeed(heir, before, anew !== undefined)
    })
  }

  /** For one more rule. What waits to take the place of a rule that runs needs no other. */
  private get hasRoom(): boolean {
    let count = 0
    for (const { rules, awaiting } of this.tenants.values()) count += rules.size + awaiting.size
    if (count < rulesMax) return true
    for (const { rules, awaiting } of this.tenants.values())
      for (const rule of awaiting.keys()) if (rules.has(rule)) count -= 1
    return count < rulesMax
  }

  private refuse(tenant: TenantRules, { rule, number, version, document }: RuleChange, detail: string): void {
    tenant.refused.set(rule, { rule, number, version, document: document!, detail, at: this.host.place.at })
  }

  adopt(awaited: ReadonlyArray<AwaitedChange>, past: LaneChanges): void {
    for (const { change } of awaited) {
      this.obtain(change.tenant).awaiting.delete(change.rule)
      this.change(change, past)
    }
    // Once for all of them: it may be much.
    for (const [tenant, seen] of past.tenants) this.obtain(tenant).learn(seen)
  }
}
