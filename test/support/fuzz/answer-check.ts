/** What every answer of the gateway has to be, whatever it was asked: as it is described. */
import type { Draft } from "./draft.ts"
import type { OpenApi, Operation, Validator } from "./openapi.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly text: string
}

/** Of every answer. Source: gateway/web-policy.ts and seed 0 §9. */
const headersOfAll = [
  "x-request-id",
  "x-process-time",
  "traceparent",
  "x-content-type-options",
  "x-frame-options",
  "referrer-policy",
  "content-security-policy",
  "cache-control",
]

const inside = /\n\s+at |node_modules|\bfile:\/\/|\b[\w-]+\.ts:\d+|SELECT .* FROM |INSERT INTO /

const parsed = (text: string): { readonly json?: unknown } => {
  try {
    return { json: JSON.parse(text) as unknown }
  } catch {
    return {}
  }
}

const codeOf = (body: unknown): unknown => {
  const { error, error_code } = (body ?? {}) as { error?: unknown; error_code?: unknown }
  return typeof error === "object" && error !== null ? (error as { code?: unknown }).code : error_code
}

const listedCodes = (document: OpenApi): ReadonlySet<unknown> => {
  const { anyOf } = document.components.schemas.ErrorCode as {
    readonly anyOf: ReadonlyArray<{ readonly enum?: ReadonlyArray<unknown> }>
  }
  return new Set(anyOf.flatMap((one) => one.enum ?? []))
}

/** Codes by which a gateway says that an input is not of the form that is described. */
const formCodes = new Set(["GTW_BODY_006", "GTW_QUERY_001", "GTW_PATH_001"])

/** Rules between the parts of a request, which a schema of one part cannot say. */
const beyondForm: ReadonlyArray<{ readonly id: RegExp; readonly reason: string }> = [
  {
    id: /^agents\.(?:register|registerA2a|change)$/,
    reason: "an address has to be one that a URL may be, which no pattern says",
  },
  { id: /^auth\.finishLogin$/, reason: "either a code and its state, or an id token" },
  { id: /^llmPermissions(?:V2)?\.grant$/, reason: "a model in the body has to be that of the path" },
]

export type AnswerCheck = (operation: Operation, draft: Draft, answer: Answer) => ReadonlyArray<string>

export const answerCheck = (document: OpenApi, validator: Validator): AnswerCheck => {
  const codes = listedCodes(document)

  const headersOf = ({ status, headers }: Answer) => [
    ...headersOfAll.filter((name) => headers[name] === undefined).map((name) => `has no ${name}`),
    ...(status === 401 && headers["www-authenticate"] === undefined ? ["401 without WWW-Authenticate"] : []),
    ...((status === 429 || status === 503) && headers["retry-after"] === undefined
      ? [`${status} without Retry-After`]
      : []),
    ...(status === 405 && headers.allow === undefined ? ["405 without Allow"] : []),
  ]

  const bodyOf = (operation: Operation, { status, headers, text }: Answer) => {
    const described = operation.responses[status] ?? (status >= 400 ? operation.responses.default : undefined)
    if (described === undefined) return [`the status ${status} is not described`]
    const [media, content] = Object.entries(described.content ?? {})[0] ?? []
    if (media === undefined) return text === "" ? [] : ["has a body, and none is described"]
    const type = String(headers["content-type"] ?? "").split(";")[0]
    if (type !== media) return [`is ${type || "of no type"}, described as ${media}`]
    if (media !== "application/json") return []
    const { json } = parsed(text)
    if (json === undefined) return ["is no JSON"]
    const problem = validator.problem(content!.schema, json)
    return problem === undefined ? [] : [`is not as described: ${problem}`]
  }

  const failureOf = (operation: Operation, { status, text }: Answer) => {
    const code = codeOf(parsed(text).json)
    return [
      ...(codes.has(code) || operation.protocol !== undefined
        ? []
        : [`the code ${String(code)} is not in the description`]),
      // A failure of what is behind the gateway may be an answer, where an operation says so.
      ...(status >= 500 && operation.responses[status] === undefined
        ? ["fails, and does not say that it may"]
        : []),
      ...(status === 500 ? ["is a defect"] : []),
    ]
  }

  const inputOf = (operation: Operation, draft: Draft, { status, text }: Answer) => {
    const isOk = status < 400
    const hasBody = operation.body !== undefined && draft.text === undefined && draft.body !== undefined
    const misfit = hasBody
      ? validator.problem(operation.body!, JSON.parse(JSON.stringify(draft.body ?? null)))
      : undefined
    if (isOk && misfit !== undefined) return [`takes a body that is not as described: ${misfit}`]
    const code = codeOf(parsed(text).json)
    const isFormAll = !beyondForm.some(({ id }) => id.test(operation.id))
    if (isFormAll && draft.broken.length === 0 && formCodes.has(code as string))
      return ["refuses the form of what is described as valid"]
    return []
  }

  return (operation, draft, answer) => [
    ...headersOf(answer),
    ...bodyOf(operation, answer),
    ...(answer.status >= 400 ? failureOf(operation, answer) : []),
    ...inputOf(operation, draft, answer),
    ...(inside.test(answer.text) && !isPage(answer) ? ["shows what is inside"] : []),
  ]
}

const isPage = ({ headers }: Answer): boolean =>
  !String(headers["content-type"]).startsWith("application/json")
