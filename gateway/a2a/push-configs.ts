/**
 * Receivers of a task's changes. Addresses and credentials are sealed before they reach the task, and what is secret is
 * never told again.
 */
import type { TaskPushNotificationConfig } from "@a2a-js/sdk"
import { openReceiver, type Receiver, sealReceiver } from "../../actors/index.ts"
import type { SecretsService } from "../../resources/index.ts"
import type { TaskPush } from "../../schemas/index.ts"
import { malformed } from "./failure.ts"
import type { Version } from "./versions.ts"

const urlCharactersMax = 2_000
const secretCharactersMax = 4_096
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/u
/** The id of a receiver that was given none. */
const unnamed = "default"
const headerText = /^[\x20-\x7e]*$/u

const requireShort = (field: string, text: string): void => {
  if (text.length > secretCharactersMax)
    throw malformed(field, `has more than ${secretCharactersMax} characters`)
  if (!headerText.test(text)) throw malformed(field, "may hold only characters that a header may")
}

const requireUrl = (url: string): void => {
  if (url === "") throw malformed("url", "is missing")
  if (url.length > urlCharactersMax) throw malformed("url", `has more than ${urlCharactersMax} characters`)
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw malformed("url", "has to be an address with https or http")
}

/** Throws when the receiver cannot be one. Without an id there is one of a task, whatever is sent again. Whether it may be reached at all is found out when it is told something. */
export const pushOf = (
  secrets: SecretsService,
  at: { readonly tenant: string; readonly task: string },
  config: TaskPushNotificationConfig,
  version: Version,
): TaskPush => {
  const { url, token, authentication, id } = config
  requireUrl(url)
  requireShort("token", token)
  requireShort("authentication.scheme", authentication?.scheme ?? "")
  requireShort("authentication.credentials", authentication?.credentials ?? "")
  if (id !== "" && !idPattern.test(id)) throw malformed("id", "may hold letters, digits and . _ : -")
  const receiver: Receiver = {
    url,
    ...(token === "" ? {} : { token }),
    ...(authentication?.scheme ? { scheme: authentication.scheme } : {}),
    ...(authentication?.credentials ? { credentials: authentication.credentials } : {}),
  }
  return sealReceiver(secrets, at, { id: id === "" ? unnamed : id, version, receiver })
}

/** Without its token and credentials. */
export const shownConfig = (
  secrets: SecretsService,
  at: { readonly tenant: string; readonly task: string },
  push: TaskPush,
): TaskPushNotificationConfig => {
  const { url, scheme } = openReceiver(secrets, at, push)
  return {
    tenant: "",
    id: push.id,
    taskId: at.task,
    url,
    token: "",
    authentication: scheme === undefined ? undefined : { scheme, credentials: "" },
  }
}
