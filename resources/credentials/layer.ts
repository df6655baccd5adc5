/** All stores of credentials. */
import * as Layer from "effect/Layer"
import { ApiKeys } from "./api-keys.ts"
import { LoginAttempts } from "./login-attempts.ts"
import { LoginSessions } from "./login-sessions.ts"
import { SigningKeys } from "./signing-keys.ts"

export const credentialsLayer = Layer.mergeAll(
  SigningKeys.layer(),
  LoginSessions.layer(),
  ApiKeys.layer(),
  LoginAttempts.layer(),
)
