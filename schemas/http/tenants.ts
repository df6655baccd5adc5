/** The tenants of a deployment over HTTP: for the platform's own people only. */
import * as Schema from "effect/Schema"
import { nameOf, textOf } from "../text.ts"
import { endpoint } from "./endpoint.ts"
import { pageQuery, Timestamp } from "./paging.ts"

/** A part of host names, subjects and addresses: nothing in it ever needs escaping. */
export const TenantId = Schema.String.check(Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/u))
export const TenantState = Schema.Literals(["active", "suspended"])

const Name = textOf(200).check(Schema.isMinLength(1))
const Address = textOf(2_000).annotate({
  description: "of a PostgreSQL database for this tenant alone; never given back",
})

export const Tenant = Schema.Struct({
  id: TenantId,
  name: Schema.String,
  state: TenantState,
  own_database: Schema.Boolean,
  created_at: Timestamp,
  version: Schema.Int,
})

/** Users that a new tenant's maker may name. */
const administratorsMax = 20
const Administrators = Schema.Array(nameOf(128)).check(Schema.isMaxLength(administratorsMax)).annotate({
  description: "names of users, exactly as they log in, who become ADMIN when they log in for the first time",
})

const permission = "tenant:manage"
const params = { tenant: TenantId }
const changeErrors = ["TEN_DB_001", "TEN_DB_002", "TEN_DB_003"]

export const tenantEndpoints = {
  list: endpoint({
    id: "tenants.list",
    method: "GET",
    path: "/api/admin/tenants/",
    summary: "List the tenants of this deployment.",
    permission,
    query: {
      ...pageQuery,
      state: Schema.optionalKey(TenantState),
      search: Schema.optionalKey(textOf(200)),
    },
    answer: Schema.Struct({
      tenants: Schema.Array(Tenant),
      total: Schema.Int,
      page: Schema.Int,
      limit: Schema.Int,
    }),
  }),
  get: endpoint({
    id: "tenants.get",
    method: "GET",
    path: "/api/admin/tenants/:tenant",
    summary: "Read one tenant.",
    permission,
    params,
    answer: Tenant,
    errors: ["TEN_MGT_001"],
  }),
  create: endpoint({
    id: "tenants.create",
    method: "POST",
    path: "/api/admin/tenants/",
    summary: "Make a tenant, with a database of its own if one is given.",
    idempotent: true,
    permission,
    timeLimit: "own",
    body: Schema.Struct({
      id: TenantId,
      name: Name,
      database_url: Schema.optionalKey(Address),
      administrators: Schema.optionalKey(Administrators),
    }),
    answer: Tenant,
    status: 201,
    errors: ["TEN_MGT_002", "TEN_MGT_005", ...changeErrors],
  }),
  change: endpoint({
    id: "tenants.change",
    method: "PATCH",
    path: "/api/admin/tenants/:tenant",
    summary: "Rename, suspend or resume a tenant, or give a new address of its own database.",
    permission,
    timeLimit: "own",
    params,
    body: Schema.Struct({
      name: Schema.optionalKey(Name),
      state: Schema.optionalKey(TenantState),
      database_url: Schema.optionalKey(Address),
    }),
    answer: Tenant,
    errors: ["TEN_MGT_001", "TEN_MGT_003", "TEN_MGT_004", "TEN_MGT_006", ...changeErrors],
  }),
} as const
