/** Every way in which the registry says no. The codes are part of the API. */
import { refuse } from "../refusal.ts"

export const unknownModel = (nameOrId: string) =>
  refuse("not-found", "LLM_MODEL_001", "There is no such model.", {
    model: nameOrId,
    remedy: "take a model from GET /api/llm-models/",
  })

export const nameTaken = (name: string) =>
  refuse("conflict", "LLM_MODEL_002", "A model has this name already.", {
    field: "name",
    name,
    remedy: "choose another name",
  })

export const inactive = (id: string) =>
  refuse("conflict", "LLM_MODEL_003", "The model is not active.", {
    model: id,
    remedy: "ask who manages it to activate it",
  })

export const namedAsFallback = (id: string, by: ReadonlyArray<string>) =>
  refuse("conflict", "LLM_MODEL_004", "Other models fall back to this one.", {
    model: id,
    models: by,
    remedy: "give those models another fallback first",
  })

export const otherVersion = (id: string, version: number, current: number) =>
  refuse("stale", "LLM_MODEL_005", "The model was changed meanwhile.", {
    model: id,
    version,
    current,
    remedy: "read it again and repeat the change",
  })

export const badSetting = (field: string, reason: string, remedy: string) =>
  refuse("invalid", "LLM_MODEL_006", `Not possible: ${field}.`, { field, reason, remedy })

export const builtinStays = (id: string) =>
  refuse("conflict", "LLM_MODEL_007", "The offline model belongs to every tenant.", {
    model: id,
    remedy: "activate or deactivate it; its settings are fixed",
  })

export const keyUnreadable = (id: string, keyId: string) =>
  refuse("unavailable", "LLM_MODEL_008", "The model's key cannot be opened on this node.", {
    model: id,
    sealed_under: keyId,
    remedy: "start the node with that key in MILLRACE_SECRET_KEYS, or give the model its api_key anew",
  })

export const tooMany = (what: string, limit: number) =>
  refuse("limit", "LLM_MODEL_009", `There are too many ${what}.`, { limit, remedy: "remove some first" })

export const notAllowed = (id: string, right: string) =>
  refuse("forbidden", "LLM_PERM_001", "You may not do this with the model.", {
    model: id,
    right,
    remedy: "ask who manages the model for this right",
  })

export const unknownGrantee = (type: string, id: string) =>
  refuse("not-found", "LLM_PERM_002", `There is no such ${type === "USER" ? "user" : "group"}.`, {
    field: "grantee_id",
    grantee_type: type,
    grantee_id: id,
  })

export const grantedAlready = (id: string, grantee: string) =>
  refuse("conflict", "LLM_PERM_003", "The model is granted to this one already.", {
    model: id,
    grantee_id: grantee,
    remedy: "revoke that grant first to give other rights",
  })

export const unknownPermission = (id: string) =>
  refuse("not-found", "LLM_PERM_004", "There is no such grant on this model.", { permission_id: id })

export const malformedId = (field: string) =>
  refuse("malformed", "LLM_PERM_005", "The id is not valid.", { field, remedy: "send a UUID" })

export const tooManyForOneAnswer = (limit: number) =>
  refuse("invalid", "LLM_PERM_006", "The model has more grants than one answer holds.", {
    limit,
    remedy: "read them by pages, with page and limit",
  })
