/** What both versions of the API take as a grant, and for how long they keep what they read. */
import type { NewGrant } from "../../../resources/index.ts"
import type { NewLlmGrant } from "../../../schemas/index.ts"
import { GatewayError } from "../../errors.ts"

/** Source: seed 2 §3.4. A change ends it earlier. */
export const keepListMs = 180_000
export const keepPermissionsMs = 120_000

/** A body may name the model once more, and then the same one. Errors: 400 `GTW_BODY_006`. */
export const grantBody = (
  model_id: string,
  { model_id: repeated = model_id, ...grant }: (typeof NewLlmGrant)["Type"],
): NewGrant => {
  if (repeated.toLowerCase() === model_id.toLowerCase()) return { ...grant, model_id }
  throw new GatewayError(400, "GTW_BODY_006", "Invalid: model_id.", {
    field: "model_id",
    reason: "the path names another model",
    remedy: "leave it out of the body",
  })
}
