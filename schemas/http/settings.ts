/** Settings over HTTP, by category, with their defaults. */
import * as Schema from "effect/Schema"
import { textOf } from "../text.ts"
import { AuditLogEntry } from "./audit.ts"
import { endpoint } from "./endpoint.ts"
import { cursorQuery } from "./paging.ts"

const Value = Schema.Union([Schema.Finite, Schema.String, Schema.Boolean])

const Setting = Schema.Struct({
  name: Schema.String,
  value: Value,
  default: Value,
  source: Schema.Literals(["default", "set"]),
  description: Schema.String,
  /** What may be sent. */
  expected: Schema.String,
})

const Category = Schema.Struct({
  category: Schema.String,
  /** Grows with each change; the ETag of the category. */
  version: Schema.Int,
  settings: Schema.Array(Setting),
})

const Categories = Schema.Struct({ categories: Schema.Array(Category) })
/** By name. */
const Values = Schema.Record(Schema.String, Value)

const read = "setting:read"
const write = "setting:write"
const category = { category: textOf(100) }
const one = { ...category, name: textOf(100) }
const changeErrors = ["SET_VAL_001", "SET_VAL_002"]

export const settingEndpoints = {
  list: endpoint({
    id: "settings.list",
    method: "GET",
    path: "/api/admin/settings/",
    summary: "All settings, by category, with their defaults.",
    permission: read,
    answer: Categories,
  }),
  get: endpoint({
    id: "settings.get",
    method: "GET",
    path: "/api/admin/settings/:category",
    summary: "The settings of one category.",
    permission: read,
    params: category,
    answer: Category,
    errors: ["SET_CAT_001"],
  }),
  change: endpoint({
    id: "settings.change",
    method: "PATCH",
    path: "/api/admin/settings/:category",
    summary: "Change settings of one category: all that are sent, or none.",
    permission: write,
    params: category,
    body: Schema.Struct({ settings: Values }),
    answer: Category,
    errors: changeErrors,
  }),
  changeAll: endpoint({
    id: "settings.changeAll",
    method: "PUT",
    path: "/api/admin/settings/",
    summary: "Change settings of several categories: all that are sent, or none.",
    permission: write,
    rate: "batch",
    body: Schema.Struct({ settings: Schema.Record(Schema.String, Values) }),
    answer: Categories,
    errors: changeErrors,
  }),
  reset: endpoint({
    id: "settings.reset",
    method: "DELETE",
    path: "/api/admin/settings/:category/:name",
    summary: "Take a setting back to its default.",
    permission: write,
    params: one,
    answer: Category,
    errors: changeErrors,
  }),
  history: endpoint({
    id: "settings.history",
    method: "GET",
    path: "/api/admin/settings/:category/:name/history",
    summary: "Who changed a setting, newest first.",
    permission: read,
    params: one,
    query: cursorQuery,
    answer: Schema.Struct({
      entries: Schema.Array(AuditLogEntry),
      next_cursor: Schema.optionalKey(Schema.String),
    }),
    errors: ["SET_CAT_002"],
  }),
} as const
