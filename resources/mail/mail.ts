/**
 * E-mail over SMTP. A server that a user named is reached only at addresses that the egress guard passed; the node's own,
 * which its operator named, wherever it is. Passwords go over TLS only. Nothing of what a server says is passed on but its code.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createTransport } from "nodemailer"
import { Egress } from "../egress/egress.ts"
import { EgressRefused } from "../egress/refused.ts"
import { parseSmtpUrl, type SmtpServer } from "./smtp-url.ts"

const limits = { connectMs: 10_000, greetingMs: 15_000, silenceMs: 30_000 } as const

export interface Mail {
  /** Absent: `millrace@` and the server's name. */
  readonly from?: string | undefined
  readonly to: ReadonlyArray<string>
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The same for every attempt: receivers may know it again by that. Letters, digits and hyphens. */
  readonly id: string
}

/** Why a mail did not go out. */
export class MailFailed extends Error {
  readonly _tag = "MailFailed"
  override readonly name = "MailFailed"
  /** Another attempt would go the same way. */
  readonly final: boolean

  constructor(text: string, final: boolean) {
    super(text)
    this.final = final
  }
}

/** Recipients that the server did not take, while it took others. */
export interface SentMail {
  readonly refused: number
}

export interface MailService {
  /** Whether there is a server for mail that names none. */
  readonly isConfigured: boolean
  /** `smtp`: the URL of a user's own server. */
  readonly send: (mail: Mail, smtp: Redacted.Redacted | undefined) => Effect.Effect<SentMail, MailFailed>
}

export interface MailConfig {
  /** `smtp://…` or `smtps://…` of the operator. */
  readonly url: Redacted.Redacted | undefined
  readonly from: string | undefined
}

interface SmtpError extends Error {
  readonly code?: string
  readonly responseCode?: number
}

const failedWith = (cause: unknown): MailFailed => {
  if (cause instanceof EgressRefused)
    return new MailFailed(cause.message, cause.problem === "address" || cause.problem === "url")
  const { code, responseCode } = (cause ?? {}) as SmtpError
  if (code === "EAUTH") return new MailFailed("the mail server did not take the user and password", true)
  if (responseCode !== undefined)
    return new MailFailed(`the mail server answered ${responseCode}`, responseCode >= 500)
  if (code === "ETLS") return new MailFailed("the mail server's TLS did not work", false)
  return new MailFailed(`no connection to the mail server${code === undefined ? "" : `: ${code}`}`, false)
}

/** `address`: where the connection goes; undefined: wherever the server's name leads. */
const sendOver = async (
  server: SmtpServer,
  address: string | undefined,
  { id, from, ...mail }: Mail,
): Promise<SentMail> => {
  const { host, port, secure, auth } = server
  const transport = createTransport({
    host: address ?? host,
    port,
    secure,
    ...(auth === undefined ? {} : { auth, requireTLS: true }),
    // The certificate is the name's, wherever the connection goes.
    tls: { servername: host },
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.silenceMs,
    dnsTimeout: limits.connectMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const sent = await transport.sendMail({
      ...mail,
      to: [...mail.to],
      from: from ?? `millrace@${host}`,
      messageId: `<${id}@millrace>`,
      headers: { "Auto-Submitted": "auto-generated" },
    })
    return { refused: sent.rejected.length }
  } finally {
    transport.close()
  }
}

export class Mailer extends Context.Service<Mailer, MailService>()("millrace/Mailer") {
  static layer({ url, from }: MailConfig) {
    const own = url === undefined ? undefined : parseSmtpUrl(Redacted.value(url))
    return Layer.effect(
      Mailer,
      Effect.map(Egress, ({ addresses }) =>
        Mailer.of({
          isConfigured: own !== undefined,
          send: (mail, smtp) =>
            Effect.tryPromise({
              try: async () => {
                if (smtp === undefined) {
                  if (own === undefined) throw new MailFailed("there is no mail server", true)
                  return sendOver(own, undefined, { ...mail, from: mail.from ?? from })
                }
                const server = parseSmtpUrl(Redacted.value(smtp))
                if (server === undefined)
                  throw new MailFailed(
                    "the address of the mail server is not one of smtp:// or smtps://",
                    true,
                  )
                const [address] = await addresses(server.host, server.port)
                return sendOver(server, address, mail)
              },
              catch: (cause) => (cause instanceof MailFailed ? cause : failedWith(cause)),
            }),
        }),
      ),
    )
  }
}
