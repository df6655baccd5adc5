/** Channels' settings as everybody may see them, and what becomes of a mask that comes back. Pure. */
import { parseSmtpUrl } from "../../resources/index.ts"
import type { ChannelSettings, Problem } from "../../schemas/index.ts"

export const mask = "********"

/** Its path and query may be what lets somebody in. */
const maskedUrl = (url: string): string => (URL.canParse(url) ? `${new URL(url).origin}/${mask}` : mask)

const maskedSmtp = (url: string): string => {
  const server = parseSmtpUrl(url)
  if (server === undefined) return mask
  const { secure, auth, host, port } = server
  const user = auth === undefined ? "" : `${encodeURIComponent(auth.user)}:${mask}@`
  return `${secure ? "smtps" : "smtp"}://${user}${host.includes(":") ? `[${host}]` : host}:${port}`
}

const maskedValues = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.keys(headers).map((name) => [name, mask]))

export const maskedSettings = (settings: ChannelSettings): ChannelSettings => ({
  ...settings,
  ...("url" in settings ? { url: maskedUrl(settings.url) } : {}),
  ...("secret" in settings ? { secret: mask } : {}),
  ...("headers" in settings ? { headers: maskedValues(settings.headers) } : {}),
  ...("smtp" in settings ? { smtp: maskedSmtp(settings.smtp) } : {}),
})

const originOf = (url: string | undefined): string =>
  url !== undefined && URL.canParse(url) ? new URL(url).origin : ""

interface Flat {
  readonly type?: string
  readonly url?: string
  readonly secret?: string
  readonly smtp?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Puts in what the masks stand for. Only to where it went before: a secret must not follow an address that somebody
 * changed. What cannot be put in is told.
 */
export const unmasked = (
  given: ChannelSettings,
  stored: ChannelSettings | undefined,
): { readonly settings: ChannelSettings; readonly problems: ReadonlyArray<Problem> } => {
  const problems: Array<Problem> = []
  const before: Flat = stored?.type === given.type ? stored : {}
  const shown: Flat = stored?.type === given.type ? (maskedSettings(stored) as Flat) : {}
  const now: Flat = given
  const url = now.url !== undefined && now.url === shown.url ? before.url : now.url
  const isSame = url !== undefined && originOf(url) === originOf(before.url)
  const kept = (field: string, value: string, secret: string | undefined): string => {
    if (value !== mask) return value
    if (secret !== undefined && isSame) return secret
    const remedy = "give the secret itself; it is kept only while the channel leads to the same host"
    problems.push({ field: `settings.${field}`, problem: "is the mask of a secret that is not kept", remedy })
    return value
  }
  const headers = Object.entries(now.headers ?? {}).map(([name, value]) => [
    name,
    kept(
      `headers.${name}`,
      value,
      Object.hasOwn(before.headers ?? {}, name) ? before.headers?.[name] : undefined,
    ),
  ])
  if (url?.includes(mask))
    problems.push({ field: "settings.url", problem: "is masked", remedy: "give the whole address" })
  const smtp = now.smtp !== undefined && now.smtp === shown.smtp ? before.smtp : now.smtp
  if (smtp?.includes(mask))
    problems.push({
      field: "settings.smtp",
      problem: "is masked",
      remedy: "give the address with its password",
    })
  const settings = {
    ...given,
    ...(url === undefined ? {} : { url }),
    ...(now.secret === undefined ? {} : { secret: kept("secret", now.secret, before.secret) }),
    ...(now.headers === undefined ? {} : { headers: Object.fromEntries(headers) }),
    ...(smtp === undefined ? {} : { smtp }),
  } as ChannelSettings
  return { settings, problems }
}
