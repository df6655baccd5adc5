/**
 * What a node reports about itself: a tracer whose finished spans go to the trace stream in batches. Reporting never
 * holds anybody up and never fails: the buffer is bounded, and what it drops is counted.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { TraceContext } from "../../engine/index.ts"
import type { Span } from "../../schemas/index.ts"
import { type EventStreamService, TraceStream } from "../../streams/index.ts"
import { packSpans, type SpanMessage } from "./batches.ts"
import { type TracingLimits, tracingLimits } from "./limits.ts"
import { SpanBuffer } from "./span-buffer.ts"
import { ParentTenant, StreamSpan } from "./stream-span.ts"

export interface TracingConfig {
  /** Names this process in every span, such as `gateway` or `node`. */
  readonly service: string
  readonly limits?: Partial<TracingLimits>
}

/** Counts since the node started, and what waits now. */
export interface TracingFigures {
  readonly recorded: number
  readonly published: number
  /** Lost because the buffer was full (the stream was away or too slow) or a span too large for one message. */
  readonly dropped: number
  readonly buffered: number
}

interface TracingShape {
  /** Reports a span that was not made by effect's tracer. Its attributes are taken as they are: mask them before. */
  readonly record: (span: Span) => void
  readonly figures: () => TracingFigures
  /** Offers what is buffered to the stream now; done when the stream has answered. */
  readonly flush: Effect.Effect<void>
}

/** Spans on their way out of this process. The layer also installs the tracer that fills it. */
export class Tracing extends Context.Service<Tracing, TracingShape>()("millrace/resources/Tracing") {
  static readonly layer = (config: TracingConfig): Layer.Layer<Tracing, never, TraceStream> =>
    Layer.effectContext(make(config))
}

type Published = "stored" | "refused" | "unanswered"

/** `refused`: it can never be stored, because it is too large. */
const publish = (stream: EventStreamService, message: SpanMessage): Effect.Effect<Published> =>
  Effect.callback((resume) =>
    stream.appendWith(message.token, message.data, (failure) =>
      resume(
        Effect.succeed(failure === undefined ? "stored" : failure.kind === "full" ? "refused" : "unanswered"),
      ),
    ),
  )

const make = Effect.fnUntraced(function* (
  config: TracingConfig,
): Effect.fn.Return<Context.Context<Tracing>, never, TraceStream | Scope.Scope> {
  const stream = yield* TraceStream
  const limits = tracingLimits(config.limits)
  const buffer = new SpanBuffer(limits.bufferedMax)
  let recorded = 0
  let published = 0

  const record = (span: Span) => {
    recorded += 1
    buffer.add(span)
  }
  const tracer = Tracer.make({
    span: (options) =>
      new StreamSpan(options, {
        service: config.service,
        attributesMax: limits.attributesMax,
        ended: record,
      }),
  })

  const flush = Effect.gen(function* () {
    for (let left = buffer.size; left > 0; left -= limits.flushMax) {
      const spans = buffer.take(Math.min(left, limits.flushMax))
      const messages = packSpans(spans, limits.messageBytesMax)
      const results = yield* Effect.forEach(messages, (message) => publish(stream, message), {
        concurrency: "unbounded",
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => buffer.giveBack(spans))))
      const of = (wanted: Published) =>
        messages.flatMap((message, index) => (results[index] === wanted ? message.spans : []))
      published += of("stored").length
      buffer.dropped += of("refused").length
      const unanswered = of("unanswered")
      if (unanswered.length > 0) return buffer.giveBack(unanswered)
    }
  }).pipe(Effect.withTracerEnabled(false))

  yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(flush, limits.stopMs)))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(limits.flushEveryMs), flush)))
  const figures = () => ({ recorded, published, dropped: buffer.dropped, buffered: buffer.size })
  return Context.make(Tracing, Tracing.of({ record, figures, flush })).pipe(
    Context.add(Tracer.Tracer, tracer),
  )
})

/**
 * Runs an effect under a span of another process or of an actor's journal: `traceparent` as W3C writes it, as an
 * activity finds it in its run. An invalid one is as good as none.
 */
export const underTrace = (traceparent: string, tenant = "") => {
  const parent = TraceContext.parse(traceparent)
  return <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    parent === undefined
      ? (effect as Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>)
      : Effect.withParentSpan(
          effect,
          Tracer.externalSpan({ ...parent, annotations: Context.make(ParentTenant, tenant) }),
        )
}
