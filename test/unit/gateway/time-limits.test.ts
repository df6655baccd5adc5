/** Nobody holds the gateway up: neither who sends slowly nor what answers late. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorOf } from "../../support/http-answers.ts"
import { rawRequest } from "../../support/raw-request.ts"
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts"

/** Two, since a busy machine may take longer to send a request than what counts as slow here. */
let gateway: ScriptedGateway
let impatient: ScriptedGateway
beforeAll(async () => {
  gateway = await startScriptedGateway({ requestMsMax: 50 })
  impatient = await startScriptedGateway({ headersMsMax: 50, receiveMsMax: 50 })
})
afterAll(() => Promise.all([gateway.stop(), impatient.stop()]))

const get = (path: string) =>
  fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.token}` } })

describe("an answer that takes too long", () => {
  it("is 504, and what still runs for it is interrupted", async () => {
    gateway.answer = () => "never"
    expect(await errorOf(await get("/api/cep/rules/r"))).toMatchObject({ status: 504, code: "GTW_TIME_001" })
    expect(gateway.interrupted).toBe(1)
  })

  it("is awaited where the route has a limit of its own", async () => {
    const asked = Promise.withResolvers<void>()
    gateway.answer = ({ _tag }) => {
      if (_tag === "Ask") asked.resolve()
      return "never"
    }
    let answered = false
    const stop = new AbortController()
    const asking = fetch(`${gateway.url}/api/ops/questions`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
      body: '{"question":"why"}',
      signal: stop.signal,
    }).finally(() => {
      answered = true
    })
    // An answer before its time would end the wait as well, and fail below.
    await Promise.race([asked.promise, asking])
    // Begun after it: a limit of the gateway's would have passed by the time that this one has.
    expect((await get("/api/cep/rules/r")).status).toBe(504)
    expect(answered).toBe(false)
    stop.abort()
    await expect(asking).rejects.toThrow()
  })
})

describe("a client that is too slow", () => {
  it.each([
    ["with its headers", ""],
    ["with its body", "Content-Length: 9\r\n\r\n{"],
  ])("%s is told so, and its connection closed", async (_, rest) => {
    const answer = await rawRequest(impatient.url, [
      `POST /api/ops/questions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${impatient.token}\r\n${rest}`,
    ])
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([408, "GTW_HTTP_003"])
  })
})
