/** What the demo needs of a running node: its answers as JSON, its event streams and its WebSockets. */
import { WebSocket } from "ws"
import { type NodeFile, readNodeFile } from "../auth/development-login.ts"

export class NoNode extends Error {}

export class NodeClient {
  readonly #node: NodeFile

  private constructor(node: NodeFile) {
    this.#node = node
  }

  /** Errors: `NoNode` when none runs here. */
  static async open(home: string): Promise<NodeClient> {
    const node = await readNodeFile(home)
    if (node === undefined) throw new NoNode(`there is no ${home}/node.json: run npm start first`)
    const answered = await fetch(`${node.url}/health`).catch(() => undefined)
    if (answered === undefined) throw new NoNode(`no node answers at ${node.url}: run npm start first`)
    return new NodeClient(node)
  }

  async request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(this.#node.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#node.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }

  async json<A>(method: string, path: string, body?: unknown): Promise<A> {
    return (await (await this.request(method, path, body)).json()) as A
  }

  /** The events of a server-sent stream, until it ends. */
  async *events<A>(path: string, body: unknown): AsyncGenerator<A> {
    const response = await this.request("POST", path, body)
    let rest = ""
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + piece).split("\n\n")
      rest = blocks.pop() ?? ""
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data !== undefined) yield JSON.parse(data) as A
      }
    }
  }

  /** An open socket on a session. */
  socket(session: string): Promise<WebSocket> {
    const url = `${this.#node.url.replace(/^http/, "ws")}/ws/${session}?token=${this.#node.token}`
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      socket.once("open", () => resolve(socket))
      socket.once("error", reject)
    })
  }
}
