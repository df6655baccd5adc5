/**
 * `npm run bench:gateway -- [--seconds N] [--users N] [--json]`: what one node's gateway does for many users at once,
 * beside a bare Hono handler that answers as many bytes.
 */
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { type Figures, run } from "./load.ts"
import { bareHandler, node } from "./processes.ts"
import { makeRequests } from "./requests.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    users: { type: "string", default: "1000" },
    only: { type: "string" },
    json: { type: "boolean" },
  },
})
const [seconds, users] = [Number(values.seconds), Number(values.users)]
const wants = (part: string) => values.only === undefined || values.only.split(",").includes(part)
const bareRequest = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n"
const rows: Array<Record<string, unknown>> = []
const row = (what: string, figures: Figures & { readonly ofCeiling?: number }) => {
  rows.push({ what, ...figures })
  if (values.json !== true) console.log(`${what.padEnd(46)} ${JSON.stringify(figures)}`)
}

const measured = await node()
const at = { port: measured.port, pid: measured.pid }
const requests = await makeRequests(measured)
if (values.json !== true)
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${users} users, ${seconds} s each`,
  )

if (wants("ceiling")) {
  const bare = async (what: string, next: () => string, headers?: Readonly<Record<string, string>>) => {
    const handler = await bareHandler(requests.cachedBody, headers)
    const figures = await run({ port: handler.port, pid: handler.pid, users, seconds, next })
    await handler.stop()
    row(what, figures)
    return figures.perSecond
  }
  const ceiling = await bare(`bare Hono handler, ${requests.cachedBody.length} bytes`, () => bareRequest)
  await bare("the same with our headers and tokens", requests.cachedRead, requests.cachedHeaders)
  const cached = await run({ ...at, users, seconds, next: requests.cachedRead })
  const ofCeiling = Number((cached.perSecond / ceiling).toFixed(2))
  row("cached read with login, as fast as it goes", { ...cached, ofCeiling })
}
const steady = [
  ["simple read", requests.simpleRead, 1_000],
  ["complex read", requests.complexRead, 300],
  ["permission read", requests.permissionRead, 1_000],
  ["write", requests.write, 100],
  ["grant", requests.grant, 100],
] as const
for (const [what, next, perSecond] of steady)
  if (wants(what)) row(`${what}, ${perSecond}/s`, await run({ ...at, users, perSecond, seconds, next }))
const fastest = [
  ["simple read", requests.simpleRead],
  ["complex read", requests.complexRead],
  ["permission read", requests.permissionRead],
  ["write", requests.write],
] as const
for (const [what, next] of fastest)
  if (wants(`${what} max`)) row(`${what}, as fast as it goes`, await run({ ...at, users: 64, seconds, next }))
if (wants("batch")) {
  const began = performance.now()
  const granted = await requests.batchGrants()
  const elapsed = (performance.now() - began) / 1_000
  const line = { what: "batch grants", grants: granted, perSecond: Math.round(granted / elapsed) }
  rows.push(line)
  if (values.json !== true) console.log(JSON.stringify(line))
}
if (values.json === true) console.log(JSON.stringify(rows, undefined, 2))
await measured.stop()
process.exit()
