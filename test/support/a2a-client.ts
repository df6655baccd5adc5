/** The public protocol's own client, unmodified, against a node: either version, either binding. */
import { type Message, Role, type SendMessageRequest, type StreamResponse, TaskState } from "@a2a-js/sdk"
import {
  type Client,
  ClientFactory,
  ClientFactoryOptions,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client"
import type { TestNode } from "./node.ts"

export interface Speaking {
  readonly version: "1.0" | "0.3"
  readonly binding: "JSONRPC" | "HTTP+JSON"
  readonly agent?: string
  readonly token?: string
}

export const a2aClient = (node: TestNode, { version, binding, agent, token }: Speaking): Promise<Client> => {
  const fetchImpl: typeof fetch = (url, init) => {
    const headers = new Headers(init?.headers)
    headers.set("authorization", `Bearer ${token ?? node.token}`)
    // A client of 0.3 knew no such header; what it finds is a card of its own version.
    if (version === "0.3" && String(url).includes("agent-card")) headers.set("A2A-Version", "0.3")
    return fetch(url, { ...init, headers })
  }
  const legacyCompat = { enabled: true }
  const factory = new ClientFactory(
    ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
      transports: [
        new JsonRpcTransportFactory({ fetchImpl, legacyCompat }),
        new RestTransportFactory({ fetchImpl, legacyCompat }),
      ],
      preferredTransports: [binding],
      cardResolver: new DefaultAgentCardResolver({ fetchImpl, legacyCompat }),
    }),
  )
  const base = agent === undefined ? node.url : `${node.url}/a2a/agents/${agent}/`
  return factory.createFromUrl(base, ".well-known/agent-card.json")
}

export const userMessage = (messageId: string, text: string, more: Partial<Message> = {}): Message => ({
  messageId,
  contextId: "",
  taskId: "",
  role: Role.ROLE_USER,
  parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
  ...more,
})

export const request = (
  message: Message,
  configuration?: Partial<NonNullable<SendMessageRequest["configuration"]>>,
): SendMessageRequest => ({
  tenant: "",
  message,
  metadata: undefined,
  configuration: {
    acceptedOutputModes: [],
    taskPushNotificationConfig: undefined,
    returnImmediately: false,
    ...configuration,
  },
})

const pieceOf = ({ payload }: StreamResponse): string => {
  if (payload?.$case !== "artifactUpdate") return ""
  return (payload.value.artifact?.parts ?? [])
    .map(({ content }) => (content?.$case === "text" ? content.value : ""))
    .join("")
}

/**
 * What a stream says: its states in order, and the answer that its pieces make. `always`: the library's client of 0.3
 * over REST forgets which pieces go on from the one before.
 */
export const heard = (events: ReadonlyArray<StreamResponse>, always = false) => {
  let text = ""
  for (const event of events) {
    if (event.payload?.$case !== "artifactUpdate") continue
    text = always || event.payload.value.append ? text + pieceOf(event) : pieceOf(event)
  }
  const states = events.flatMap(({ payload }) =>
    payload?.$case === "task" || payload?.$case === "statusUpdate"
      ? [TaskState[payload.value.status?.state ?? TaskState.UNRECOGNIZED]?.replace("TASK_STATE_", "")]
      : [],
  )
  return { text, states }
}

export const gather = async <A>(stream: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const one of stream) all.push(one)
  return all
}
