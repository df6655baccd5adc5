/**
 * The ceiling: a bare Hono handler that answers a constant of the same size, in a process of its own, with headers if
 * they are given. Prints its port.
 */
import type { AddressInfo } from "node:net"
import { serve } from "@hono/node-server"
import { Hono } from "hono"

const body = process.argv[2] ?? "{}"
const headers: Record<string, string> = JSON.parse(
  process.argv[3] ?? '{"content-type":"application/json; charset=UTF-8"}',
)
const app = new Hono()
app.get("*", () => new Response(body, { headers }))
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () =>
  console.log((server.address() as AddressInfo).port),
)
