/** The JSON that a gateway for short messages is sent: a template whose texts are filled in, each as part of a JSON text. Pure. */

const bodyDefault = '{"to":"{{ to }}","text":"{{ text }}"}'

const placeholder = /\{\{\s*(text|to)\s*\}\}/gu

const filled = (part: unknown, values: { readonly to: string; readonly text: string }): unknown => {
  if (typeof part === "string")
    return part.replaceAll(placeholder, (_, name: string) => values[name as "text" | "to"])
  if (Array.isArray(part)) return part.map((one) => filled(one, values))
  if (typeof part !== "object" || part === null) return part
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, filled(value, values)]))
}

/** Undefined: the template is no JSON, or nobody would be told anything. */
export const smsBody = (
  template: string | undefined,
  values: { readonly to: string; readonly text: string },
): string | undefined => {
  const text = template ?? bodyDefault
  if (!/\{\{\s*text\s*\}\}/u.test(text)) return undefined
  try {
    return JSON.stringify(filled(JSON.parse(text), values))
  } catch {
    return undefined
  }
}
