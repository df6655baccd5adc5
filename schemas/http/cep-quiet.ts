/** What keeps alerts quiet, over HTTP: silences, planned work, inhibitions. */
import * as Schema from "effect/Schema"
import { Inhibition } from "../cep/alert.ts"
import { DurationText } from "../cep/duration.ts"
import { Matchers } from "../cep/matcher.ts"
import { Id, nameOf, storableTextOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { Timestamp } from "./paging.ts"

export const SilenceBody = Schema.Struct({
  silence_id: Id,
  matchers: Matchers,
  starts_at: Timestamp,
  ends_at: Timestamp,
  active: Schema.Boolean,
  version: Schema.Int,
  created_by: Schema.String,
  comment: Schema.String,
}).annotate({ identifier: "Silence" })

export const MaintenanceBody = Schema.Struct({
  maintenance_id: Id,
  name: Schema.String,
  matchers: Matchers,
  starts_at: Schema.optionalKey(Timestamp),
  ends_at: Schema.optionalKey(Timestamp),
  cron: Schema.optionalKey(Schema.String),
  time_zone: Schema.optionalKey(Schema.String),
  duration: Schema.optionalKey(DurationText),
  active: Schema.Boolean,
  /** The window that is on, or the next one. */
  window: Schema.optionalKey(Schema.Struct({ from: Timestamp, to: Timestamp })),
  version: Schema.Int,
  created_by: Schema.String,
}).annotate({ identifier: "Maintenance" })

export const InhibitionBody = Schema.Struct({
  inhibition_id: Id,
  source: Matchers,
  target: Matchers,
  equal: Inhibition.fields.equal,
  version: Schema.Int,
}).annotate({ identifier: "Inhibition" })

const read = { method: "GET", permission: "cep:read" } as const
const write = { permission: "cep:write" } as const
const refusals = ["CEP_QUIET_002", "CEP_LIM_001"] as const
const unknown = "CEP_QUIET_001"
const edited = [unknown, "CEP_QUIET_003", "GTW_MATCH_001", "GTW_HEAD_003"] as const

const silence = {
  matchers: Matchers,
  /** Now when absent. */
  starts_at: Schema.optionalKey(Timestamp),
  /** Either this or `duration`. */
  ends_at: Schema.optionalKey(Timestamp),
  duration: Schema.optionalKey(DurationText),
  comment: Schema.optionalKey(storableTextOf(1_000)),
}
const maintenance = {
  name: nameOf(200),
  matchers: Matchers,
  starts_at: Schema.optionalKey(Timestamp),
  ends_at: Schema.optionalKey(Timestamp),
  cron: Schema.optionalKey(textOf(200)),
  time_zone: Schema.optionalKey(textOf(64)),
  duration: Schema.optionalKey(DurationText),
}
const inhibition = { source: Matchers, target: Matchers, equal: Inhibition.fields.equal }

const host = [{ name: "host", value: "web-1", operator: "=" }]

export const quietEndpoints = {
  listSilences: endpoint({
    id: "cep.silences.list",
    path: "/api/cep/silences",
    summary: "Silences that are on or will be.",
    answer: Schema.Struct({ silences: Schema.Array(SilenceBody) }),
    ...read,
  }),
  readSilence: endpoint({
    id: "cep.silences.read",
    path: "/api/cep/silences/:silence",
    summary: "A silence.",
    params: { silence: Id },
    answer: SilenceBody,
    errors: [unknown],
    ...read,
  }),
  addSilence: endpoint({
    id: "cep.silences.create",
    method: "POST",
    path: "/api/cep/silences",
    summary: "Keep alerts quiet that fit all matchers; what still fires at the end is told then.",
    body: Schema.Struct(silence),
    example: { matchers: host, duration: "2h", comment: "we know" },
    answer: SilenceBody,
    status: 201,
    errors: refusals,
    ...write,
  }),
  changeSilence: endpoint({
    id: "cep.silences.change",
    method: "PUT",
    path: "/api/cep/silences/:silence",
    summary: "Replace a silence.",
    params: { silence: Id },
    body: Schema.Struct(silence),
    answer: SilenceBody,
    errors: [...refusals, ...edited],
    ...write,
  }),
  endSilence: endpoint({
    id: "cep.silences.end",
    method: "DELETE",
    path: "/api/cep/silences/:silence",
    summary: "End a silence now.",
    params: { silence: Id },
    errors: edited,
    ...write,
  }),
  listMaintenance: endpoint({
    id: "cep.maintenance.list",
    path: "/api/cep/maintenance",
    summary: "Planned work, with the window that is on or comes next.",
    answer: Schema.Struct({ maintenance: Schema.Array(MaintenanceBody) }),
    ...read,
  }),
  readMaintenance: endpoint({
    id: "cep.maintenance.read",
    path: "/api/cep/maintenance/:maintenance",
    summary: "Planned work, with the window that is on or comes next.",
    params: { maintenance: Id },
    answer: MaintenanceBody,
    errors: [unknown],
    ...read,
  }),
  addMaintenance: endpoint({
    id: "cep.maintenance.create",
    method: "POST",
    path: "/api/cep/maintenance",
    summary:
      "Plan work during which alerts are kept quiet: once, or by cron with a duration and a time zone.",
    body: Schema.Struct(maintenance),
    example: {
      name: "Backups",
      matchers: host,
      cron: "0 2 * * 0",
      time_zone: "Europe/Berlin",
      duration: "2h",
    },
    answer: MaintenanceBody,
    status: 201,
    errors: refusals,
    ...write,
  }),
  changeMaintenance: endpoint({
    id: "cep.maintenance.change",
    method: "PUT",
    path: "/api/cep/maintenance/:maintenance",
    summary: "Replace planned work.",
    params: { maintenance: Id },
    body: Schema.Struct(maintenance),
    answer: MaintenanceBody,
    errors: [...refusals, ...edited],
    ...write,
  }),
  endMaintenance: endpoint({
    id: "cep.maintenance.end",
    method: "DELETE",
    path: "/api/cep/maintenance/:maintenance",
    summary: "End planned work, now and for good.",
    params: { maintenance: Id },
    errors: edited,
    ...write,
  }),
  listInhibitions: endpoint({
    id: "cep.inhibitions.list",
    path: "/api/cep/inhibitions",
    summary: "Inhibitions.",
    answer: Schema.Struct({ inhibitions: Schema.Array(InhibitionBody) }),
    ...read,
  }),
  readInhibition: endpoint({
    id: "cep.inhibitions.read",
    path: "/api/cep/inhibitions/:inhibition",
    summary: "An inhibition.",
    params: { inhibition: Id },
    answer: InhibitionBody,
    errors: [unknown],
    ...read,
  }),
  addInhibition: endpoint({
    id: "cep.inhibitions.create",
    method: "POST",
    path: "/api/cep/inhibitions",
    summary:
      "Keep alerts quiet that fit `target` while one fires that fits `source` and agrees in the labels `equal`.",
    body: Schema.Struct(inhibition),
    example: {
      source: [{ name: "alertname", value: "Host is down", operator: "=" }],
      target: [{ name: "severity", value: "warning|info", operator: "=~" }],
      equal: ["host"],
    },
    answer: InhibitionBody,
    status: 201,
    errors: refusals,
    ...write,
  }),
  changeInhibition: endpoint({
    id: "cep.inhibitions.change",
    method: "PUT",
    path: "/api/cep/inhibitions/:inhibition",
    summary: "Replace an inhibition.",
    params: { inhibition: Id },
    body: Schema.Struct(inhibition),
    answer: InhibitionBody,
    errors: [...refusals, ...edited],
    ...write,
  }),
  removeInhibition: endpoint({
    id: "cep.inhibitions.remove",
    method: "DELETE",
    path: "/api/cep/inhibitions/:inhibition",
    summary: "Remove an inhibition.",
    params: { inhibition: Id },
    errors: edited,
    ...write,
  }),
} as const
