/**
 * What a client hears that asked for a WebSocket and is refused: the answer to its request, whole, on the bare connection.
 * The server's adapter leaves that to whoever else listens for upgrades; alone, it would send the status without the body.
 */
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import type { WebSocketServer } from "ws"
import { errorResponse } from "./answers.ts"
import { answerBare, badRequest } from "./broken-requests.ts"
import { beginRequest } from "./request-context.ts"
import type { GatewayServices } from "./services.ts"

interface Upgrade {
  /** The request. */
  readonly incoming: object
}
type Fetch = (request: Request, upgrade: Upgrade) => Response | Promise<Response>

/** Who asks for another protocol is answered in this one. Source: RFC 9110, 7.8. */
export const isUpgrade = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === "websocket"

/** `listener` has to listen after the adapter, which upgrades as soon as the answer is there. */
export const refusedUpgrades = (services: GatewayServices, sockets: WebSocketServer, fetch: Fetch) => {
  const answers = new WeakMap<object, Promise<Response>>()
  const upgraded = new WeakSet<IncomingMessage>()
  sockets.on("connection", (_, request) => upgraded.add(request))

  const answerOf = async (request: IncomingMessage): Promise<Response> => {
    const context = beginRequest(request.headers, services.web)
    try {
      // There is none when the request's address or host cannot be read.
      return (await answers.get(request)) ?? errorResponse(context, badRequest())
    } catch (failure) {
      return errorResponse(context, failure)
    }
  }
  return {
    /** The answers to upgrades, which are kept until they are sent. */
    fetch: (request: Request, upgrade: Upgrade): Promise<Response> => {
      const answer = Promise.resolve(fetch(request, upgrade))
      answers.set(upgrade.incoming, answer)
      return answer
    },
    listener: async (request: IncomingMessage, socket: Duplex): Promise<void> => {
      const answer = await answerOf(request)
      if (upgraded.has(request) || !socket.writable) return void answer.body?.cancel()
      // Only errors are known to end.
      const isError = answer.status >= 400
      if (!isError) void answer.body?.cancel()
      const body = isError ? Buffer.from(await answer.arrayBuffer()) : ""
      answerBare(socket, answer.status, Object.fromEntries(answer.headers), body)
    },
  }
}
