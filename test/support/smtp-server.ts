/** A mail server that speaks enough of SMTP to take mail, refuses what a test says, and remembers what was said to it. */
import { type AddressInfo, createServer, type Socket } from "node:net"

export interface TakenMail {
  readonly from: string
  readonly to: ReadonlyArray<string>
  /** Headers and body, as they came. */
  readonly data: string
}

export interface SmtpServer {
  readonly port: number
  readonly mails: ReadonlyArray<TakenMail>
  /** Every line of a client outside of mails. */
  readonly said: ReadonlyArray<string>
  /** The answer to a command, such as `RCPT TO:<…>`, where it is not the usual one. */
  answer: (line: string) => string | undefined
  readonly stop: () => Promise<void>
}

const usual: Readonly<Record<string, string>> = {
  EHLO: "250-test\r\n250 8BITMIME",
  HELO: "250 test",
  MAIL: "250 ok",
  RCPT: "250 ok",
  DATA: "354 go on",
  RSET: "250 ok",
  QUIT: "221 bye",
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? ""

export const startSmtpServer = async (): Promise<SmtpServer> => {
  const mails: Array<TakenMail> = []
  const said: Array<string> = []
  const sockets = new Set<Socket>()
  const talk = (socket: Socket) => {
    let [text, from, data] = ["", "", undefined as Array<string> | undefined]
    let to: Array<string> = []
    const reply = (line: string) => void socket.write(`${line}\r\n`)
    const hear = (line: string) => {
      if (data !== undefined) {
        if (line !== ".") return void data.push(line.replace(/^\./, ""))
        mails.push({ from, to, data: data.join("\n") })
        data = undefined
        return reply("250 taken")
      }
      said.push(line)
      const verb = line.slice(0, 4).toUpperCase()
      const answer = server.answer(line) ?? usual[verb] ?? "502 not spoken here"
      if (answer.startsWith("2") && verb === "MAIL") [from, to] = [addressIn(line), []]
      if (answer.startsWith("2") && verb === "RCPT") to = [...to, addressIn(line)]
      if (answer.startsWith("3")) data = []
      reply(answer)
    }
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
    socket.setEncoding("utf8").on("data", (piece) => {
      text += piece
      for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        hear(line)
      }
    })
    reply("220 test")
  }
  const listener = createServer((socket) => {
    sockets.add(socket)
    talk(socket)
  })
  const listening = Promise.withResolvers<void>()
  listener.listen(0, "127.0.0.1", () => listening.resolve())
  await listening.promise
  const server: SmtpServer = {
    port: (listener.address() as AddressInfo).port,
    mails,
    said,
    answer: () => undefined,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      const closed = Promise.withResolvers<void>()
      listener.close(() => closed.resolve())
      await closed.promise
    },
  }
  return server
}
