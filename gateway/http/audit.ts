/** The audit log: pages, proof and export, of the caller's own tenant. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  type AuditEntry,
  auditPage,
  auditStream,
  PlatformSettings,
  verifyAudit,
} from "../../resources/index.ts"
import { auditEndpoints } from "../../schemas/index.ts"
import { GatewayError } from "../errors.ts"
import { responseHeaders } from "../request-context.ts"
import { type GatewayRequest, type Route, route } from "../route.ts"
import type { GatewayServices } from "../services.ts"
import { runTraced } from "../traced.ts"

/** A cursor is the number of the last entry that was shown. */
export const readCursor = (cursor: string | undefined): number | undefined => {
  if (cursor === undefined) return undefined
  const before = Number(cursor)
  if (Number.isSafeInteger(before) && before > 0) return before
  throw new GatewayError(400, "AUD_LOG_001", "The cursor is not valid.", {
    field: "cursor",
    remedy: "send what the last answer gave as next_cursor, or leave it out",
  })
}

const checkTimes = (times: {
  readonly from?: string | undefined
  readonly to?: string | undefined
}): void => {
  for (const field of ["from", "to"] as const) {
    const time = times[field]
    if (time === undefined || !Number.isNaN(Date.parse(time))) continue
    throw new GatewayError(400, "AUD_LOG_002", "There is no such time.", {
      field,
      remedy: "give it as 2026-01-31T23:59:59Z",
    })
  }
}

const linesOf = (services: GatewayServices, entries: ReturnType<typeof auditStream>) =>
  Stream.toReadableStreamWith(
    entries.pipe(
      Stream.map((entry: AuditEntry) => `${JSON.stringify(entry)}\n`),
      Stream.encodeText,
    ),
    services.context,
  )

export const auditRoutes = (services: GatewayServices): ReadonlyArray<Route> => [
  route(services, auditEndpoints.list, async (request, { query }) => {
    const { cursor, limit: wanted, ...search } = query
    const { tenant } = request.identity
    checkTimes(search)
    const before = readCursor(cursor)
    const byDefault = PlatformSettings.use(({ get }) => get(tenant, "audit.page_entries"))
    const reading = Effect.flatMap(wanted === undefined ? byDefault : Effect.succeed(wanted), (limit) =>
      auditPage(tenant, search, { before, limit }),
    )
    const { entries, next } = await runTraced(services, request, "GET /api/admin/audit-log/", reading)
    return { entries, ...(next === undefined ? {} : { next_cursor: String(next) }) }
  }),
  route(services, auditEndpoints.verify, (request) =>
    runTraced(services, request, "GET /api/admin/audit-log/verify", verifyAudit(request.identity.tenant)),
  ),
  route(services, auditEndpoints.export, (request: GatewayRequest, { query }) => {
    checkTimes(query)
    return new Response(linesOf(services, auditStream(request.identity.tenant, query)), {
      headers: {
        ...responseHeaders(request.context),
        "Content-Type": "application/x-ndjson; charset=UTF-8",
        "Content-Disposition": 'attachment; filename="audit-log.jsonl"',
      },
    })
  }),
]
