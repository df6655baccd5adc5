/** A span as effect makes and ends it; when it has ended, its masked record is handed on. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { type Span, type SpanStatus, spanAttribute } from "../../schemas/index.ts"
import { maskAttributes, maskText } from "./masking.ts"

/** The tenant of a span that came from outside this process: see `underTrace`. */
export const ParentTenant = Context.Reference<string>("millrace/tracing/ParentTenant", {
  defaultValue: () => "",
})

export interface SpanSettings {
  readonly service: string
  readonly attributesMax: number
  readonly ended: (span: Span) => void
}

const nanosecondsPerMs = 1e6

export class StreamSpan extends Tracer.NativeSpan {
  readonly #settings: SpanSettings

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], settings: SpanSettings) {
    super(options)
    this.#settings = settings
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    if (this.sampled) this.#settings.ended(this.#record(endTime, exit))
  }

  #record(endTime: bigint, exit: Exit.Exit<unknown, unknown>): Span {
    const { attributesMax } = this.#settings
    const service = this.attributes.get(spanAttribute.service)
    const failure = failureOf(exit)
    const parent = Option.getOrUndefined(this.parent)
    return {
      traceId: this.traceId,
      spanId: this.spanId,
      ...(parent === undefined ? {} : { parentId: parent.spanId }),
      name: maskText(this.name),
      kind: this.kind,
      service: typeof service === "string" ? service : this.#settings.service,
      startMs: Number(this.startTime) / nanosecondsPerMs,
      endMs: Number(endTime) / nanosecondsPerMs,
      status: failure.status,
      attributes: {
        ...maskAttributes([...this.attributes].slice(0, attributesMax)),
        ...(failure.detail === undefined ? {} : { "error.message": maskText(failure.detail) }),
      },
      tenant: tenantOf(this),
    }
  }
}

/** Its own, or that of the nearest span above it that has one: a gateway learns it after the span has begun. */
const tenantOf = (span: Tracer.AnySpan): string => {
  for (let current: Tracer.AnySpan | undefined = span; current !== undefined; ) {
    const said: unknown =
      current._tag === "Span"
        ? current.attributes.get(spanAttribute.tenant)
        : Context.get(current.annotations, ParentTenant)
    if (typeof said === "string" && said !== "") return said
    current = current._tag === "Span" ? Option.getOrUndefined(current.parent) : undefined
  }
  return ""
}

const failureOf = (
  exit: Exit.Exit<unknown, unknown>,
): { readonly status: SpanStatus; readonly detail?: string } => {
  if (exit._tag === "Success") return { status: "ok" }
  if (Cause.hasInterruptsOnly(exit.cause)) return { status: "interrupted" }
  const error = Cause.squash(exit.cause)
  const rejected = (error as { readonly _tag?: unknown } | null)?._tag === "Rejected"
  return {
    status: rejected ? "rejected" : "error",
    detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  }
}
