/** What proves to the server that is polled who polls it: a header, sealed for the rule and the origin that it goes to. */
import * as Schema from "effect/Schema"
import type { SecretsService } from "../../resources/index.ts"

const PollCredential = Schema.Struct({ header: Schema.String, value: Schema.String })
type PollCredential = typeof PollCredential.Type

export interface CredentialPlace {
  readonly tenant: string
  readonly rule: string
  readonly origin: string
}

/** A change here makes what is sealed unreadable. */
const placeOf = ({ tenant, rule, origin }: CredentialPlace): string =>
  `metric-poll/${tenant}/${rule}/${origin}`

/** Undefined for an address of which there is no origin. */
export const pollOrigin = (url: string): string | undefined => {
  const origin = URL.canParse(url) ? new URL(url).origin : "null"
  return origin === "null" ? undefined : origin
}

export const sealPollCredential = (
  secrets: SecretsService,
  place: CredentialPlace,
  credential: PollCredential,
): string => secrets.seal(JSON.stringify(credential), placeOf(place))

/** Throws `SecretUnreadable`. */
export const openPollCredential = (
  secrets: SecretsService,
  place: CredentialPlace,
  sealed: string,
): PollCredential =>
  Schema.decodeUnknownSync(PollCredential)(JSON.parse(secrets.open(sealed, placeOf(place))))
