/**
 * The one way to a language model, for every surface: permission → budget → rate → circuit breaker → time-out → retry →
 * another model, the last two before the first token only. Each model that was asked is in the ledger, whatever ended
 * the call. Never puts a prompt, an answer or a key into a span or a log.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import { Egress } from "../egress/egress.ts"
import { LlmModels } from "../llm-models/llm-models.ts"
import type { CallableModel, Model } from "../llm-models/model.ts"
import { RateLimits } from "../rate-limit/rate-limits.ts"
import { Refused } from "../refusal.ts"
import { Breakers } from "./breakers.ts"
import type { Answered, Completion, EmbeddingRequest, Embeddings, LlmCall, Piece } from "./call.ts"
import { toRefused, type UpstreamFailure } from "./failure.ts"
import { type Given, guardedCall, type NoAnswer } from "./guarded-call.ts"
import { type LlmLimits, llmLimits } from "./limits.ts"
import type { LlmParts } from "./parts.ts"
import { LlmUsage } from "./usage.ts"
import { completing, embedding, streaming, type Work } from "./work.ts"

type Answer<A> = Effect.Effect<A, Refused | SqlError>

/**
 * Errors of all, as `Refused`: those of `LlmModels.callable`; `LLM_BUDGET_001`; `LLM_RATE_001`; `LLM_CALL_001` the
 * provider failed; `_002` it refused the request; `_003` key, address or name are wrong; `_004` it takes no more now;
 * `_005` too late; `_006` the circuit breaker is open; `_007` this node is busy; `_008` the answer broke off.
 * Interrupting closes the connection to the provider at once.
 */
export interface LlmService {
  readonly complete: (call: LlmCall) => Answer<Completion>
  /**
   * Delivers the answer's pieces in order, with the name of the model that answers, and ends after the last. Nothing was
   * delivered before a failure but `LLM_CALL_008`.
   */
  readonly stream: (
    call: LlmCall,
    deliver: (piece: Piece, model: string) => Effect.Effect<void>,
  ) => Answer<Answered>
  readonly embed: (call: LlmCall<EmbeddingRequest>) => Answer<Embeddings>
}

interface Done<A> extends Given<A> {
  readonly model: Model
}

const busy = (callsMax: number) =>
  new Refused({
    reason: "unavailable",
    code: "LLM_CALL_007",
    text: "This node has as many model calls under way as it may have; try again.",
    details: { limit: "callsMax", calls_max: callsMax },
    retryAfterSeconds: 1,
  })

const refusedOf = ({ failure, started }: NoAnswer, { name }: Model): Refused =>
  failure instanceof Refused ? failure : toRefused(failure, name, started)

/** Goes down the chain of models until one answers. The first one's failure is what the caller is told. */
const firstAnswer = Effect.fnUntraced(function* <A>(
  parts: LlmParts,
  { caller, model: asked }: Pick<LlmCall, "caller" | "model">,
  workOf: (model: Model) => Work<A>,
): Effect.fn.Return<Done<A>, Refused | SqlError> {
  let callable: CallableModel = yield* parts.models.callable(caller.tenant, caller, asked)
  const tried = new Set<string>()
  let first: Refused | undefined
  for (;;) {
    const { model }: CallableModel = callable
    const fallbackOf = tried.values().next().value
    tried.add(model.id)
    const result: Result.Result<Given<A>, NoAnswer | SqlError> = yield* Effect.result(
      guardedCall(parts, { caller, callable, work: workOf(model), fallbackOf }),
    )
    if (Result.isSuccess(result)) return { ...result.success, model }
    const { failure } = result
    if (failure._tag !== "NoAnswer") return yield* Effect.fail(failure)
    const refused = refusedOf(failure, model)
    // An answer that broke off came from this model, not from the first.
    first = first === undefined || failure.started ? refused : first
    const next = model.fallback_model_id
    if (!failure.mayFallBack || next === null || tried.has(next) || tried.size > parts.limits.fallbacksMax)
      return yield* first
    const following = yield* Effect.result(parts.models.callable(caller.tenant, caller, next))
    if (Result.isFailure(following)) return yield* first
    callable = following.success
  }
})

const makeLlm = (parts: LlmParts): LlmService => {
  let underWay = 0
  const run = <A>(call: Pick<LlmCall, "caller" | "model">, workOf: (model: Model) => Work<A>) =>
    Effect.suspend(() => {
      if (underWay >= parts.limits.callsMax) return Effect.fail(busy(parts.limits.callsMax))
      underWay += 1
      return Effect.ensuring(
        firstAnswer(parts, call, workOf),
        Effect.sync(() => {
          underWay -= 1
        }),
      )
    })
  const answered = ({ model, usage }: Done<unknown>): Answered => ({
    model: model.name,
    modelId: model.id,
    usage,
  })
  return {
    complete: (call) =>
      Effect.map(
        run(call, () => completing(call.request)),
        (done) => ({ ...answered(done), choices: done.value }),
      ),
    stream: (call, deliver) => {
      const streamingFrom = ({ name }: Model) =>
        streaming(call.request, (piece) => deliver(piece, name), parts.limits)
      return Effect.map(run(call, streamingFrom), answered)
    },
    embed: (call) =>
      Effect.map(
        run(call, () => embedding(call.request)),
        (done) => ({ ...answered(done), data: done.value }),
      ),
  }
}

/** A wrong key is found out by the first call, not only by the next check. */
const keepHealth =
  (models: (typeof LlmModels)["Service"]): LlmParts["onFailure"] =>
  (tenant, model, { kind, more, message }: UpstreamFailure) =>
    kind === "configuration"
      ? models
          .healthChanged(tenant, model.id, {
            status: "unhealthy",
            detail: more.status === undefined ? message : `the provider answered ${more.status}`,
          })
          .pipe(Effect.ignore)
      : Effect.void

export class Llm extends Context.Service<Llm, LlmService>()("millrace/Llm") {
  static layer(limits: Partial<LlmLimits> = {}) {
    return Layer.effect(
      Llm,
      Effect.gen(function* () {
        const models = yield* LlmModels
        return Llm.of(
          makeLlm({
            models,
            usage: yield* LlmUsage,
            rates: yield* RateLimits,
            egress: yield* Egress,
            breakers: new Breakers(),
            limits: { ...llmLimits, ...limits },
            onFailure: keepHealth(models),
          }),
        )
      }),
    )
  }
}
