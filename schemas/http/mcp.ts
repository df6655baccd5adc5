/** The Model Context Protocol over streamable HTTP. What goes in and out is JSON-RPC, which the protocol itself describes. */
import * as Schema from "effect/Schema"
import { endpoint } from "./endpoint.ts"

export const mcpEndpoints = {
  send: endpoint({
    id: "mcp.send",
    method: "POST",
    path: "/mcp",
    summary:
      "One JSON-RPC message of the Model Context Protocol, which offers agents and operations as tools; answered with server-sent events where progress is asked for.",
    permission: "login",
    protocol: "MCP",
    example: { jsonrpc: "2.0", id: 1, method: "tools/list" },
    rate: "model-call",
    timeLimit: "own",
    answer: Schema.Struct({
      jsonrpc: Schema.Literal("2.0"),
      id: Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])),
      result: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
      error: Schema.optionalKey(
        Schema.Struct({
          code: Schema.Int,
          message: Schema.String,
          data: Schema.optionalKey(Schema.Unknown),
        }),
      ),
    }),
    status: 200,
    otherStatuses: [202],
    errors: ["GTW_ORIGIN_001"],
  }),
} as const
