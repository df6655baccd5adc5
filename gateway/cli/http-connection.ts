/** One keep-alive connection with one request in flight: writes text, reads until the answer is complete. */
import { connect, type Socket } from "node:net"

const headEnd = Buffer.from("\r\n\r\n")
const lengthPattern = /\r\ncontent-length: *(\d+)/i

export class HttpConnection {
  readonly #socket: Socket
  #waiting: { resolve: (status: number) => void; reject: (cause: Error) => void } | undefined
  /** Of the answer under way: its status, and the bytes that are still to come; undefined before its head is read. */
  #status = 0
  #missing: number | undefined
  #head: Buffer | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on("data", (piece) => this.#read(piece))
    socket.on("error", (cause) => this.#fail(cause))
    socket.on("close", () => this.#fail(new Error("closed")))
  }

  static open(host: string, port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host, () => resolve(new HttpConnection(socket)))
      socket.once("error", reject)
    })
  }

  /** Gives the status. Rejects when the connection breaks first. Gotcha: answers must carry a Content-Length. */
  request(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(text)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #fail(cause: Error): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(cause)
  }

  #read(piece: Buffer): void {
    if (this.#missing === undefined) this.#readHead(piece)
    else this.#took(piece.length)
  }

  #readHead(piece: Buffer): void {
    const data = this.#head === undefined ? piece : Buffer.concat([this.#head, piece])
    const end = data.indexOf(headEnd)
    if (end < 0) {
      this.#head = data
      return
    }
    this.#head = undefined
    const head = data.toString("latin1", 0, end)
    this.#status = Number(head.slice(9, 12))
    this.#missing = Number(lengthPattern.exec(head)?.[1] ?? 0)
    this.#took(data.length - end - headEnd.length)
  }

  #took(bytes: number): void {
    this.#missing = this.#missing! - bytes
    if (this.#missing > 0) return
    this.#missing = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(this.#status)
  }
}
