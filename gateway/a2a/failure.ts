/** What goes wrong, as the public protocol names it: for every refusal of the gateway and of a task one of its errors. */
import {
  A2AError,
  ContentTypeNotSupportedError,
  RequestMalformedError,
  TaskNotCancelableError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from "@a2a-js/sdk/errors"
import { type GatewayError, toGatewayError } from "../errors.ts"

export const malformed = (field: string, reason: string): A2AError =>
  new RequestMalformedError({ message: `${field} ${reason}.`, metadata: { field } })

export const requireCount = (historyLength: number | undefined): void => {
  if (historyLength !== undefined && historyLength < 0) throw malformed("historyLength", "cannot be negative")
}

export const notFound = (task: string): A2AError =>
  new TaskNotFoundError({ message: "Task not found.", metadata: { taskId: task } })

export const wrongContent = (type: string): A2AError =>
  new ContentTypeNotSupportedError({
    message: `This agent takes text and JSON data, not ${type}.`,
    metadata: { mediaType: type },
  })

const textOf = ({ message, details }: GatewayError): string =>
  typeof details.reason === "string" ? `${message} ${details.reason}` : message

/** Of the request itself. */
const wrongType = ({ details }: GatewayError): A2AError =>
  new ContentTypeNotSupportedError({
    message: "A request is JSON, and uncompressed: send Content-Type: application/json.",
    metadata: { mediaType: String(details.content_type ?? details.content_encoding ?? "") },
  })

const byCode: Readonly<Record<string, (error: GatewayError) => A2AError>> = {
  GTW_BODY_002: wrongType,
  TSK_TASK_001: () => new TaskNotFoundError("Task not found."),
  TSK_TASK_002: (error) => new RequestMalformedError(textOf(error)),
  TSK_TASK_003: (error) => new UnsupportedOperationError(textOf(error)),
  TSK_TASK_004: (error) => new UnsupportedOperationError(textOf(error)),
}

/** Total. What is neither the caller's fault nor the protocol's keeps the gateway's own code in its metadata. */
export const a2aErrorOf = (failure: unknown): A2AError => {
  if (failure instanceof A2AError) return failure
  const error = toGatewayError(failure)
  const known = byCode[error.code]?.(error)
  if (known !== undefined) return known
  const metadata = { code: error.code, status: String(error.status) }
  return error.status === 400 || error.status === 413 || error.status === 422
    ? new RequestMalformedError({ message: textOf(error), metadata })
    : new A2AError({ message: error.message, metadata })
}

/** Of `CancelTask` what has ended is an error of its own. */
export const cancelErrorOf = (failure: unknown): A2AError => {
  const error = toGatewayError(failure)
  return error.code === "TSK_TASK_003"
    ? new TaskNotCancelableError("Task cannot be canceled: it has ended.")
    : a2aErrorOf(failure)
}
