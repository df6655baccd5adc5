/** Reads the address of a mail server. Pure. */

export interface SmtpServer {
  readonly host: string
  readonly port: number
  /** TLS from the first byte; otherwise it begins with STARTTLS where the server offers that. */
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly pass: string } | undefined
}

const ports: Readonly<Record<string, number>> = { "smtp:": 587, "smtps:": 465 }

/** Of `smtp://` or `smtps://user:password@host:port`. Undefined for anything else. */
export const parseSmtpUrl = (text: string): SmtpServer | undefined => {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const port = ports[url.protocol]
  const isPlain = (url.pathname === "" || url.pathname === "/") && url.search === "" && url.hash === ""
  if (port === undefined || url.hostname === "" || !isPlain) return undefined
  try {
    const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
    return {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port) || port,
      secure: url.protocol === "smtps:",
      auth: user === "" ? undefined : { user, pass },
    }
  } catch {
    return undefined
  }
}
