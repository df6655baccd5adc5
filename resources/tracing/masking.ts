/**
 * Takes secrets and personal data out of what is about to be written down: keys and tokens, credentials, e-mail
 * addresses, telephone numbers. Errs on the side of masking; never throws and never takes long: text is bounded first,
 * and no expression looks at a part of it more than a bounded number of times.
 */

/** Bounds of one value: what is longer is cut. */
export const maskingLimits = {
  /** Characters looked at. */
  scannedMax: 16_384,
  /** Characters kept. */
  keptMax: 4_096,
  /** Levels of a nested value. */
  depthMax: 6,
  /** Entries of an object or an array. */
  entriesMax: 256,
} as const

const secret = "[secret]"

/** Words that, as a part of a name, say that the value is a secret: `x-api-key`, `refreshToken`, `db.password`. */
const secretNames =
  /(?:^|[^a-z])(?:authori[sz]ation|cookie|passw(?:or)?d|passphrase|pwd|secret|token|api[-_. ]?key|access[-_. ]?key|private[-_. ]?key|credentials?|signature)(?:$|[^a-z])/

const spaced = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .toLowerCase()

export const isSecretName = (name: string): boolean => secretNames.test(spaced(name))

const patterns: ReadonlyArray<readonly [RegExp, string | ((found: string) => string)]> = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, secret],
  [/\b(Bearer|Basic|Digest|Token)(\s+)[A-Za-z0-9._~+/=:-]+/gi, `$1$2${secret}`],
  // Taken with and without a dot, so that no part of a long word is looked at twice.
  [/eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,4}/g, (word) => (word.includes(".") ? secret : word)],
  [/(?:ak|sk|pk|rk)_(?:live|test)_[A-Za-z0-9_-]+/g, secret],
  [/(?<![A-Za-z0-9])rt_[A-Za-z0-9_-]{16,}/g, secret],
  [/\bsk-[A-Za-z0-9_-]{8,}/g, secret],
  [/\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-|npm_|hf_)[A-Za-z0-9_-]{8,}/g, secret],
  [/(?:AKIA|ASIA)[A-Z0-9]{12,}/g, secret],
  [/AIza[A-Za-z0-9_-]{20,}/g, secret],
  [/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, `$1${secret}@`],
  [/(:\/\/)[^\s/:@]{16,}@/g, `$1${secret}@`],
  [
    /((?:passw(?:or)?d|pwd|secret|token|api[-_]?key|access[-_]?key|signature|code_verifier)["']?\s*[=:]\s*["']?)(?!\[secret\])[^\s"'&,;}]+/gi,
    `$1${secret}`,
  ],
  // Letters of any alphabet: addresses are not only ASCII. Source of the bound: RFC 5321 §4.5.3.1.1.
  [/[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, "[email]"],
]

/** Ids made by machines, whose digits are nobody's number: UUIDs, and hexadecimal ones with a letter in them. */
const id = /\b(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{16,64})\b/
/** Payment cards begin with 2 to 6, or 9 in Korea; times in microseconds and nanoseconds begin with 1. */
const card = /(?<![\d.])[2-69](?:[ -]?\d){13,18}(?!\d)/
const phones: ReadonlyArray<RegExp> = [
  /(?<!\d|\d[eE])\+\d[\d\s().-]{6,18}\d(?!\d)/,
  /(?<!\d)(?:00)?82[-. ]\d{1,2}[-. ]\d{3,4}[-. ]\d{4}(?!\d)/,
  /(?<!\d)\(?0\d{1,2}\)?[-. ]\d{3,4}[-. ]\d{4}(?!\d)/,
  /(?<![\d.])01[016789]\d{7,8}(?!\d)/,
  /(?<!\d)\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?!\d)/,
]
const besidesIds = (patterns: ReadonlyArray<RegExp>): RegExp =>
  new RegExp(`(?<id>${id.source})|${patterns.map(({ source }) => source).join("|")}`, "gu")
const cardOrId = besidesIds([card])
const phoneOrId = besidesIds(phones)

/** The check digit that payment cards have. Source: ISO/IEC 7812-1, annex B. */
const hasCheckDigit = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    sum += index % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return sum % 10 === 0
}

const isCard = (found: string): boolean => hasCheckDigit(found.replaceAll(/\D/g, ""))

/** Ids stay, because the expressions take them before anything in them. */
const maskNumbers = (text: string): string =>
  text
    .replace(cardOrId, (found, kept) => (kept === undefined && isCard(found) ? "[card]" : found))
    .replace(phoneOrId, (found, kept) => (kept === undefined ? "[phone]" : found))

/** A word that the cut went through could be half a secret. */
const withoutTornWord = (text: string): string => text.replace(/\S*$/, "")

/** What has none of these matches none of the expressions: most names and words are looked at once. */
const suspicious = /[\d@:=_-]|eyJ|AKIA|ASIA|AIza|bearer|basic|digest|token/i

export const maskText = (text: string): string => {
  const { scannedMax, keptMax } = maskingLimits
  if (text.length <= keptMax && !suspicious.test(text)) return text
  let masked = text.length > scannedMax ? `${withoutTornWord(text.slice(0, scannedMax))}…` : text
  for (const [pattern, replacement] of patterns)
    masked =
      typeof replacement === "string"
        ? masked.replace(pattern, replacement)
        : masked.replace(pattern, replacement)
  masked = maskNumbers(masked)
  return masked.length > keptMax ? `${masked.slice(0, keptMax)}…` : masked
}

/** The value with its texts masked, and everything under a telling name replaced. Plain data comes out. */
export const maskValue = (value: unknown, depth = 0): unknown => {
  switch (typeof value) {
    case "string":
      return maskText(value)
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) ? value : String(value)
    case "bigint":
      return maskText(value.toString())
    case "object":
      break
    default:
      return value === undefined ? null : maskText(String(value))
  }
  if (value === null) return null
  if (depth >= maskingLimits.depthMax) return "…"
  if (value instanceof Error) return maskText(`${value.name}: ${value.message}`)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value))
    return value.slice(0, maskingLimits.entriesMax).map((item) => maskValue(item, depth + 1))
  const toJson = (value as { readonly toJSON?: unknown }).toJSON
  return typeof toJson === "function"
    ? maskValue(toJson.call(value), depth + 1)
    : maskEntries(ownEntries(value), depth + 1)
}

/** One by one, because what is left out need not be read. */
function* ownEntries(value: object): Iterable<readonly [string, unknown]> {
  for (const name in value)
    if (Object.hasOwn(value, name)) yield [name, (value as Readonly<Record<string, unknown>>)[name]]
}

const maskEntries = (entries: Iterable<readonly [string, unknown]>, depth: number) => {
  const masked: Record<string, unknown> = {}
  let left: number = maskingLimits.entriesMax
  for (const [name, value] of entries) {
    if (left-- === 0) break
    masked[maskText(name)] = isSecretName(name) ? secret : maskValue(value, depth)
  }
  return masked
}

/** A value may run its owner's code while it is read. */
const maskSafely = (name: string, value: unknown): unknown => {
  try {
    return maskEntries([[name, value]], 0)[maskText(name)]
  } catch {
    return "[unreadable]"
  }
}

/** Masks the attributes of a span or the metadata of a log record. Never throws. */
export const maskAttributes = (entries: Iterable<readonly [string, unknown]>): Record<string, unknown> =>
  Object.fromEntries(Array.from(entries, ([name, value]) => [maskText(name), maskSafely(name, value)]))
