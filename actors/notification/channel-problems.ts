/** What is wrong with the settings of a channel, by field. Where its addresses lead is found out when it is used. Pure. */
import { parseSmtpUrl } from "../../resources/index.ts"
import type { ChannelSettings, Problem } from "../../schemas/index.ts"
import { isHeaderText } from "../agent/frameworks/remote/address.ts"
import { smsBody } from "./sms-body.ts"

/** A token. Source: RFC 9110 §5.6.2. */
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u
/** What a delivery says itself. */
const ownHeaders =
  /^(?:host|content-.*|transfer-encoding|connection|te|trailer|upgrade|expect|keep-alive|proxy-.*|idempotency-key|x-millrace-.*)$/iu
const address = /^[^\s@<>(),;:\\"[\]\p{Cc}]+@[^\s@<>(),;:\\"[\]\p{Cc}]+$/u
const namedAddress = /^(?:[^<>@,;:"\\\p{Cc}]{1,100}<([^<>]+)>|([^<>]+))$/u
const telephone = /^[+0-9][0-9 ()./-]{1,39}$/u

type Field = readonly [field: string, problem: string, remedy: string]

const urlProblems = (url: string): ReadonlyArray<Field> => {
  const remedy = "write it as https://host/path"
  if (!URL.canParse(url)) return [["url", "is no URL", remedy]]
  const { protocol, username, password } = new URL(url)
  if (protocol !== "https:" && protocol !== "http:")
    return [["url", `${protocol} is not spoken here`, remedy]]
  return username === "" && password === ""
    ? []
    : [["url", "holds a user or a password", "send them in a header"]]
}

const headerProblems = (headers: Readonly<Record<string, string>> = {}): ReadonlyArray<Field> =>
  Object.entries(headers).flatMap(([name, value]): ReadonlyArray<Field> => {
    const field = `headers.${name.slice(0, 64)}`
    if (!headerName.test(name)) return [[field, "is no name of a header", "use letters, digits and hyphens"]]
    if (ownHeaders.test(name)) return [[field, "is a header that deliveries set themselves", "leave it out"]]
    return isHeaderText(value)
      ? []
      : [[field, "has characters that no header carries", "use printable ASCII characters"]]
  })

const addressOf = (from: string): string => {
  const [, inBrackets, bare] = namedAddress.exec(from) ?? []
  return inBrackets ?? bare ?? ""
}

const emailProblems = ({ to, from, smtp }: Extract<ChannelSettings, { type: "email" }>) => [
  ...to.flatMap(
    (one, index): ReadonlyArray<Field> =>
      address.test(one) ? [] : [[`to.${index}`, "is no e-mail address", "write it as name@host"]],
  ),
  ...(from === undefined || address.test(addressOf(from))
    ? []
    : ([["from", "is no e-mail address", "write it as name@host or Name <name@host>"]] as const)),
  ...(smtp === undefined || parseSmtpUrl(smtp) !== undefined
    ? []
    : ([["smtp", "is no address of a mail server", "write it as smtps://user:password@host:465"]] as const)),
]

const smsProblems = ({ to, body }: Extract<ChannelSettings, { type: "sms" }>) => [
  ...to.flatMap(
    (one, index): ReadonlyArray<Field> =>
      telephone.test(one) ? [] : [[`to.${index}`, "is no telephone number", "write it as +4930123456"]],
  ),
  ...(body === undefined || smsBody(body, { to: "", text: "" }) !== undefined
    ? []
    : ([
        ["body", "is no JSON that says {{ text }}", 'such as {"to":"{{ to }}","text":"{{ text }}"}'],
      ] as const)),
]

const fieldsOf = (settings: ChannelSettings): ReadonlyArray<Field> => {
  switch (settings.type) {
    case "slack":
      return urlProblems(settings.url)
    case "webhook":
    case "alertmanager":
      return [...urlProblems(settings.url), ...headerProblems(settings.headers)]
    case "email":
      return emailProblems(settings)
    case "sms":
      return [...urlProblems(settings.url), ...headerProblems(settings.headers), ...smsProblems(settings)]
    case "log":
      return []
  }
}

export const channelProblems = (settings: ChannelSettings): ReadonlyArray<Problem> =>
  fieldsOf(settings).map(([field, problem, remedy]) => ({ field: `settings.${field}`, problem, remedy }))
