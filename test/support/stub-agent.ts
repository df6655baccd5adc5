/** An agent of a node that is a stub of OpenAI's protocol elsewhere, so that a suite says what it answers and when. */
import type { TestNode } from "./node.ts"
import type { Asked, StubModelServer } from "./stub-model-server.ts"

/** The node has to let calls out to the stub: `EGRESS_ALLOW`. */
export const registerStubAgent = async (
  node: TestNode,
  upstream: StubModelServer,
  more: Readonly<Record<string, unknown>> & { readonly id: string },
  token?: string,
): Promise<void> => {
  const body = {
    name: `Stub ${more.id}`,
    framework: "OpenAI",
    a2a_endpoint: upstream.url,
    connection: { target: "stub", retries_max: 0 },
    ...more,
  }
  const response = await node.request("POST", "/api/agents/", { body, token })
  if (response.status >= 300) throw new Error(`no agent: ${response.status} ${await response.text()}`)
}

/** What agents were asked; the node looks now and then whether they are there. */
export const questionsTo = ({ asked }: StubModelServer): ReadonlyArray<Asked> =>
  asked.filter(({ body }) => "messages" in body)
