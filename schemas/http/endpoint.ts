/**
 * What one route of the gateway is: its path, who may call it, what goes in and what comes out. Declared once, here;
 * the gateway's decoding, the OpenAPI description, the typed client and the generated tests follow from it.
 */
import type * as Schema from "effect/Schema"
import type { Permission } from "../permission.ts"
import type { Fields, PlainCodec } from "../protocol.ts"

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE"

/** What a route's requests count towards; the limits of each are configuration. */
export type RateClass = "login" | "read" | "write" | "batch" | "explain" | "ingest" | "model-call" | "stream"

/** `public`: nobody has to be logged in. `login`: any identity; the route itself checks whose objects it touches. */
export type RoutePermission = Permission | "public" | "login"

export type EnvelopeName = "plain" | "v2" | "openai"

export interface Declaration<
  Params extends Fields,
  Query extends Fields,
  Body extends PlainCodec | undefined,
  Answer extends PlainCodec | undefined,
> {
  /** Unique: what it is about and what it does, such as `llmModels.list`. The operation's name in OpenAPI and in the client. */
  readonly id: string
  readonly method: Method
  /** With `:name` for each parameter; the last slash is optional in requests. */
  readonly path: string
  /** One sentence for people. */
  readonly summary: string
  readonly permission: RoutePermission
  /** Default: `read` for GET, `write` otherwise. */
  readonly rate?: RateClass
  /** Each decodes from one text. */
  readonly params?: Params
  /** Each decodes from one text; unknown ones are refused. */
  readonly query?: Query
  /** JSON; unknown fields are refused. */
  readonly body?: Body
  /** The body may be YAML as well, by its content type. */
  readonly yaml?: boolean
  /** What to do about a body that does not fit, instead of the general advice. */
  readonly bodyRemedy?: string
  /** JSON; without it the answer has no body. In a `v2` envelope: the schema of `data`. */
  readonly answer?: Answer
  /** Of the success. Default: 200, or 204 without an answer. */
  readonly status?: 200 | 201 | 202 | 204
  /** Other statuses that the same answer may have. */
  readonly otherStatuses?: ReadonlyArray<200 | 201 | 202 | 503>
  /** Default: `plain`. `v2`: seed 2 §3.2, for errors as well. `openai`: errors as OpenAI has them, answers as they are. */
  readonly envelope?: EnvelopeName
  /** What the answer is instead of JSON. */
  readonly media?: "application/x-ndjson" | "text/event-stream" | "text/plain" | "text/html" | "websocket"
  /**
   * `gateway`, the default: an answer that takes longer than the gateway's limit is 504. `own`: the route has a limit of
   * its own. Streams have none.
   */
  readonly timeLimit?: "gateway" | "own"
  /**
   * A POST whose answer is kept for a repeat with the same `Idempotency-Key`. Never on an answer that holds a secret.
   */
  readonly idempotent?: boolean
  /** What a body may look like, for the description. */
  readonly example?: unknown
  /**
   * Whose shapes bodies, answers and errors have where they are not this API's own: described as JSON of any shape. What
   * every request goes through first still answers with this API's errors.
   */
  readonly protocol?: string
  /** Error codes that the route gives besides those that every route may give. */
  readonly errors?: ReadonlyArray<string>
}

export interface Endpoint<
  Params extends Fields = Fields,
  Query extends Fields = Fields,
  Body extends PlainCodec | undefined = PlainCodec | undefined,
  Answer extends PlainCodec | undefined = PlainCodec | undefined,
  Envelope extends EnvelopeName = EnvelopeName,
> extends Declaration<Params, Query, Body, Answer> {
  readonly rate: RateClass
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly answer: Answer
  readonly status: 200 | 201 | 202 | 204
  readonly envelope: Envelope
}

// biome-ignore lint/suspicious/noExplicitAny: an endpoint with its types forgotten
export type AnyEndpoint = Endpoint<any, any, any, any>

/** What a handler is given. */
export interface InputOf<E extends AnyEndpoint> {
  readonly params: Schema.Struct.Type<E["params"]>
  readonly query: Schema.Struct.Type<E["query"]>
  readonly body: E["body"] extends PlainCodec ? E["body"]["Type"] : undefined
}

/** What goes over the wire. */
export type AnswerOf<E extends AnyEndpoint> = E["answer"] extends PlainCodec
  ? E["answer"]["Encoded"]
  : undefined

// biome-ignore lint/complexity/noBannedTypes: no parameters
type None = {}

export const endpoint = <
  const Params extends Fields = None,
  const Query extends Fields = None,
  Body extends PlainCodec | undefined = undefined,
  Answer extends PlainCodec | undefined = undefined,
  Envelope extends EnvelopeName = "plain",
>(
  declaration: Declaration<Params, Query, Body, Answer> & { readonly envelope?: Envelope },
): Endpoint<Params, Query, Body, Answer, Envelope> => ({
  ...declaration,
  rate: declaration.rate ?? (declaration.method === "GET" ? "read" : "write"),
  params: declaration.params ?? ({} as Params),
  query: declaration.query ?? ({} as Query),
  body: declaration.body as Body,
  answer: declaration.answer as Answer,
  status: declaration.status ?? (declaration.answer === undefined ? 204 : 200),
  envelope: declaration.envelope ?? ("plain" as Envelope),
})
