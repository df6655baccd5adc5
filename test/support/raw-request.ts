/** A request byte for byte as a test writes it, for what no HTTP client would send. */
import { connect } from "node:net"

export interface RawAnswer {
  readonly status: number
  readonly headers: string
  readonly body: string
}

/** The whole answer once the connection is closed, by whichever side; requests should say `Connection: close`. */
export const rawRequest = (url: string, pieces: ReadonlyArray<string>): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    let text = ""
    const socket = connect(Number(port), hostname, () => {
      for (const piece of pieces) socket.write(piece)
    })
    socket.setEncoding("utf8")
    socket.on("data", (piece) => {
      text += piece
    })
    // Whoever refuses a request need not read the rest of it.
    socket.on("error", (failure) => (text === "" ? reject(failure) : undefined))
    socket.once("close", () => {
      const end = text.indexOf("\r\n\r\n")
      const [line = ""] = text.split("\r\n", 1)
      resolve({
        status: Number(line.split(" ")[1]),
        headers: text.slice(line.length + 2, end),
        body: text.slice(end + 4),
      })
    })
  })

interface Raw {
  readonly method?: string
  readonly target: string
  readonly headers?: ReadonlyArray<string>
  readonly body?: string
}

/** Requests with a credential, where `headers` are lines and replace the host when they name one. */
export const rawRequests = (node: () => { readonly url: string; readonly token: string }) => {
  const send = ({ method = "GET", target, headers = [], body = "" }: Raw): Promise<RawAnswer> => {
    const { url, token } = node()
    const host = headers.some((line) => /^host:/i.test(line)) ? [] : ["Host: localhost"]
    const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
    const lines = [`${method} ${target} HTTP/1.1`, ...host, `Authorization: Bearer ${token}`, ...headers]
    return rawRequest(url, [[...lines, ...length, "Connection: close", "", body].join("\r\n")])
  }
  const post = (target: string, body: string, headers: ReadonlyArray<string> = []) =>
    send({ method: "POST", target, body, headers: ["Content-Type: application/json", ...headers] })
  return { send, post }
}

/** Of an error; undefined for what is none. */
export const rawCodeOf = ({ body }: RawAnswer): unknown =>
  (JSON.parse(body || "{}") as { error?: { code?: string } }).error?.code
