/** Reads what the gateway answered. */

export const errorOf = async (response: Response) => {
  const { error } = (await response.json()) as {
    error: {
      code: string
      message: string
      details: Record<string, unknown>
      timestamp: string
      trace_id: string
    }
  }
  return { status: response.status, ...error }
}
export const json = async (response: Response) => (await response.json()) as Record<string, unknown>
