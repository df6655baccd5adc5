/** What a tool is that others' models may call: its name and shape for them, the right that it takes, and what it does. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Permission, PlainCodec } from "../../schemas/index.ts"
import { bodyDecoder } from "../http/body.ts"
import type { GatewayRequest } from "../route.ts"
import type { GatewayNeeds, GatewayServices } from "../services.ts"

type Json = Readonly<Record<string, unknown>>

export interface ToolCall {
  readonly services: GatewayServices
  readonly request: GatewayRequest
  /** The same for each attempt and each node; undefined where the client has no session. */
  readonly id: string | undefined
  /** Tells the caller what there is of the answer; undefined where nobody asked for it. */
  readonly progress: ((text: string) => Promise<void>) | undefined
}

export interface ToolAnswer<Structured = unknown> {
  /** For models that read no structure. */
  readonly text: string
  readonly structured: Structured
  /** The tool did its work, and the work failed. */
  readonly isError?: boolean
}

/** Shape: https://modelcontextprotocol.io/specification/2025-11-25/server/tools, `Tool`. */
export interface DescribedTool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: Json
  readonly outputSchema: Json
  readonly annotations: { readonly readOnlyHint: boolean; readonly openWorldHint: boolean }
}

export interface Tool {
  readonly described: DescribedTool
  readonly permission: Permission
  /** Decodes the arguments; throws what is wrong with them. */
  readonly run: (call: ToolCall, given: unknown) => Effect.Effect<ToolAnswer, unknown, GatewayNeeds>
}

const jsonSchemaOf = (schema: PlainCodec): Json => {
  const { schema: root, definitions } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  return { ...root, ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }) }
}

/** Of the arguments and the answer, for those who call; made once for all tools that share it. */
export const toolShape = <Input extends PlainCodec, Output extends PlainCodec>(
  input: Input,
  output: Output,
) => ({
  described: { inputSchema: jsonSchemaOf(input), outputSchema: jsonSchemaOf(output) },
  decode: bodyDecoder(input),
  /** Only its type is used: answers are built to it. */
  output,
})

export type ToolShape<Input extends PlainCodec, Output extends PlainCodec> = ReturnType<
  typeof toolShape<Input, Output>
>

export const defineTool = <Input extends PlainCodec, Output extends PlainCodec>(declared: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly permission: Permission
  /** Whether it changes nothing. */
  readonly readOnly: boolean
  readonly shape: ToolShape<Input, Output>
  readonly run: (
    call: ToolCall,
    input: Input["Type"],
  ) => Effect.Effect<ToolAnswer<Output["Encoded"]>, unknown, GatewayNeeds>
}): Tool => {
  const { name, title, description, permission, readOnly, shape, run } = declared
  const annotations = { readOnlyHint: readOnly, openWorldHint: !readOnly }
  return {
    described: { name, title, description, ...shape.described, annotations },
    permission,
    run: (call, given) => run(call, shape.decode(given)),
  }
}
