/**
 * Answers to reads, kept as text per user and query: one that is kept costs no SQL, no fiber and no serialization. It
 * counts until anything of the tenant's models, grants, users or groups changes, on whichever node; then it is read again.
 * Never shares an answer between users.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import { accessTopic, Changes, Kept, type KeptLimits, llmModelsTopic } from "../../../resources/index.ts"
import type { AnyEndpoint, InputOf } from "../../../schemas/index.ts"
import { jsonText } from "../../answers.ts"
import { holds } from "../../auth/identity.ts"
import { Envelope, type GatewayRequest, type Given, type Route, route } from "../../route.ts"
import type { GatewayNeeds, GatewayServices } from "../../services.ts"
import { runTraced } from "../../traced.ts"

export const keptAnswerLimits = {
  /** Answers of one route, each of one user and query. */
  entriesMax: 1_000,
  /** A longer answer is read anew each time. */
  charactersMax: 64 * 1024,
} as const

/** Users, groups and grants all decide what an answer holds: a change of any makes the sum grow. */
const generationOf = (services: GatewayServices, tenant: string): number => {
  const changes = Context.get(services.context, Changes)
  return changes.generation(llmModelsTopic(tenant)) + changes.generation(accessTopic(tenant))
}

/** Roles are not read with the answer: whether they make an administrator is part of whose answer it is. */
const keyOf = ({ identity, http }: GatewayRequest): string => {
  const { tenant, userId, user } = identity
  const admin = holds(identity, "llm-model:admin") ? "admin" : ""
  return JSON.stringify([tenant, userId, user, admin, http.env.incoming.url])
}

/** The body as far as it is the same for all requests; what ends it is the request's own. */
const textOf = ({ envelope }: AnyEndpoint, given: unknown): string => {
  if (envelope === "plain") return JSON.stringify(given)
  const { data, more } = given instanceof Envelope ? given : new Envelope(given)
  return JSON.stringify({ success: true, data, ...more }).slice(0, -1)
}

const answerWith = ({ envelope, status }: AnyEndpoint, { context }: GatewayRequest, text: string) =>
  jsonText(
    context,
    status,
    envelope === "plain"
      ? text
      : // A request id has no character that JSON would escape.
        `${text},"request_id":"${context.requestId}","timestamp":"${new Date().toISOString()}"}`,
  )

export const keptRoute = <E extends AnyEndpoint>(
  services: GatewayServices,
  endpoint: E,
  keepMs: KeptLimits["keepMs"],
  read: (request: GatewayRequest, input: InputOf<E>) => Effect.Effect<Given<E>, unknown, GatewayNeeds>,
): Route => {
  const kept = new Kept<string>({ entriesMax: keptAnswerLimits.entriesMax, keepMs })
  const underWay = new Map<string, Promise<string>>()
  const name = `${endpoint.method} ${endpoint.path.replaceAll(/:(\w+)/g, "{$1}")}`
  const load = async (key: string, generation: number, request: GatewayRequest, input: InputOf<E>) => {
    const began = Date.now()
    const text = textOf(endpoint, await runTraced(services, request, name, read(request, input)))
    if (text.length <= keptAnswerLimits.charactersMax) kept.put(key, text, generation, began)
    return text
  }
  const reading = route(services, endpoint, async (request, input) => {
    // Before the read: what changes meanwhile makes it stale.
    const generation = generationOf(services, request.identity.tenant)
    const key = keyOf(request)
    // Many who ask at once for what is not kept share one read, unless something changed since it began.
    const place = `${generation} ${key}`
    const begin = () => {
      const reading = load(key, generation, request, input).finally(() => {
        if (underWay.get(place) === reading) underWay.delete(place)
      })
      underWay.set(place, reading)
      return reading
    }
    // What made another's read fail, such as the end of its time, need not hold for this one.
    const text = await (underWay.get(place)?.catch(() => underWay.get(place) ?? begin()) ?? begin())
    return answerWith(endpoint, request, text)
  })
  return {
    endpoint,
    handle: (request) => {
      const generation = generationOf(services, request.identity.tenant)
      const text = kept.get(keyOf(request), generation, Date.now())
      return text === undefined ? reading.handle(request) : answerWith(endpoint, request, text)
    },
  }
}
