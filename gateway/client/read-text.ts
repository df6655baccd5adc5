/** Reads the body of an answer within a limit. */
import { clientErrors, MillraceError } from "./error.ts"

/** Errors: `clientErrors.answer` for what is larger; reading ends there. */
export const readText = async (response: Response, bytesMax: number): Promise<string> => {
  if (response.body === null) return ""
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ""
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    bytes += value.byteLength
    if (bytes > bytesMax) {
      await reader.cancel()
      throw new MillraceError({
        status: response.status,
        code: clientErrors.answer,
        message: "The answer is too large.",
        details: { limit: "answerBytesMax", bytes_max: bytesMax },
      })
    }
    text += decoder.decode(value, { stream: true })
  }
}
