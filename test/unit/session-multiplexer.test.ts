/** The multiplexer's turns, limits and clean-up, against a scripted session that records what it is sent. */
import type { Duplex } from "node:stream"
import { describe, expect, it } from "vitest"
import { defaultSessionLimits, type SessionLimits } from "../../resources/sql/limits.ts"
import { SessionMultiplexer } from "../../resources/sql/session-multiplexer.ts"
import { concatBytes, forEachMessage } from "../../resources/sql/wire-framing.ts"
import { queryMessage, readyForQuery, type TransactionStatus } from "../../resources/sql/wire-messages.ts"

const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

/** Understands BEGIN, COMMIT and ROLLBACK; everything else leaves the transaction as it is. */
class ScriptedSession {
  readonly executed: Array<string> = []
  readonly serverVersion = () => "18.6"
  #status: TransactionStatus = "I"

  readonly execute = async (messages: Uint8Array): Promise<Uint8Array> => {
    const answers: Array<Uint8Array> = [new Uint8Array(0)]
    forEachMessage(messages, (type, start, end) => {
      const sql = type === 0x51 ? latin(messages.subarray(start + 5, end - 1)) : String.fromCharCode(type)
      this.executed.push(sql)
      if (sql === "BEGIN") this.#status = "T"
      if (sql === "COMMIT" || sql === "ROLLBACK") this.#status = "I"
      answers.push(readyForQuery(this.#status))
    })
    return concatBytes(answers)
  }
}

const startUp = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0])

/** A client that can wait until it has received something. */
class Client {
  readonly stream: Duplex
  received = ""
  closed = false
  #check = () => {}

  constructor(multiplexer: SessionMultiplexer) {
    this.stream = multiplexer.connect()
    this.stream.on("data", (chunk: Uint8Array) => {
      this.received += latin(chunk)
      this.#check()
    })
    this.stream.on("close", () => {
      this.closed = true
      this.#check()
    })
    this.stream.write(startUp)
  }

  async until(condition: (client: Client) => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#check = () => {
        if (condition(this)) resolve()
      }
      this.#check()
    })
  }

  get answers(): number {
    return this.received.split("Z\0\0\0\x05").length - 1
  }

  /** Sends statements; resolves once all are answered. */
  async query(...statements: ReadonlyArray<string>): Promise<void> {
    const expected = this.answers + statements.length
    for (const sql of statements) this.stream.write(queryMessage(sql))
    await this.until(({ answers }) => answers >= expected)
  }
}

const setUp = async (limits: Partial<SessionLimits> = {}, clients = 2) => {
  const session = new ScriptedSession()
  const multiplexer = new SessionMultiplexer(session, { ...defaultSessionLimits, ...limits })
  const connected = Array.from({ length: clients }, () => new Client(multiplexer))
  for (const client of connected) await client.until(({ answers, closed }) => answers === 1 || closed)
  return { session, multiplexer, clients: connected as [Client, Client] }
}

/** Lets everything that is on its way arrive. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** The process and key by which a statement is cancelled. */
const keyOf = (client: Client): Buffer => {
  const bytes = Buffer.from(client.received, "latin1")
  const place = bytes.indexOf("K\0\0\0\x0c")
  return bytes.subarray(place + 5, place + 13)
}

describe("the session multiplexer", () => {
  it("lets no statement of another connection between those of a transaction", async () => {
    const { session, clients } = await setUp()
    const [one, other] = clients
    await one.query("BEGIN")
    const waiting = other.query("other")
    await one.query("first")
    await settled()
    await one.query("second", "COMMIT")
    await waiting
    expect(session.executed).toEqual(["BEGIN", "first", "second", "COMMIT", "other"])
  })

  it("serves connections in the order in which they asked", async () => {
    const { session, clients } = await setUp()
    const [one, other] = clients
    await one.query("BEGIN")
    const waiting = other.query("other")
    await settled()
    await Promise.all([one.query("COMMIT", "later"), waiting])
    await one.query("last")
    expect(session.executed.indexOf("other")).toBeLessThan(session.executed.indexOf("last"))
  })

  it("hears what a connection asks in the moment in which its turn ends", async () => {
    for (let later = 0; later < 12; later++) {
      const { session, clients } = await setUp()
      const { execute } = session
      // As a database in another process answers: what was written before has left by then.
      const slowly = async (messages: Uint8Array) => {
        await settled()
        return execute(messages)
      }
      Object.assign(session, { execute: slowly })
      const [one] = clients
      one.stream.once("data", async () => {
        for (let tick = 0; tick < later; tick++) await undefined
        one.stream.write(queryMessage("second"))
      })
      void one.query("first")
      for (let round = 0; round < 6; round++) await settled()
      expect({ later, executed: session.executed }).toEqual({ later, executed: ["first", "second"] })
    }
  })

  it("rolls back what a connection left open, however it went", async () => {
    for (const leave of [
      (client: Client) => client.stream.destroy(),
      (client: Client) => client.stream.end(),
    ]) {
      const { session, clients } = await setUp()
      const [leaving, other] = clients
      await leaving.query("BEGIN")
      const waiting = other.query("other")
      leave(leaving)
      await waiting
      expect(session.executed).toEqual(["BEGIN", "S", "ROLLBACK", "S", "other"])
    }
  })

  it("drops what a connection that went away had waiting", async () => {
    const { session, clients } = await setUp()
    const [one, leaving] = clients
    await one.query("BEGIN")
    leaving.stream.write(queryMessage("never"))
    await settled()
    leaving.stream.destroy()
    await settled()
    await one.query("COMMIT")
    await one.query("after")
    expect(session.executed).toEqual(["BEGIN", "COMMIT", "after"])
  })

  it("cancels a statement that waits for its turn, and only with the right key", async () => {
    const { session, multiplexer, clients } = await setUp()
    const [one, waiting] = clients
    await one.query("BEGIN")
    const answered = waiting.query("never")
    await settled()
    const cancel = (key: Buffer) =>
      multiplexer.connect().write(Buffer.concat([Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e]), key]))
    const wrong = Buffer.from(keyOf(waiting))
    wrong.writeUInt8(wrong.readUInt8(7) ^ 1, 7)
    cancel(wrong)
    await settled()
    expect(waiting.received).not.toContain("57014")
    cancel(keyOf(waiting))
    await answered
    expect(waiting.received).toContain("57014")
    await one.query("COMMIT")
    expect(session.executed).toEqual(["BEGIN", "COMMIT"])
  })

  it("ends a transaction that idles while others wait", async () => {
    const { session, clients } = await setUp({ idleInTransactionMs: 1 })
    const [idle, other] = clients
    await idle.query("BEGIN")
    await other.query("other")
    await idle.until(({ closed }) => closed)
    expect(idle.received).toContain("25P03")
    expect(session.executed).toEqual(["BEGIN", "S", "ROLLBACK", "S", "other"])
  })

  it("refuses connections, messages and queues beyond their limits", async () => {
    const refusal = async (limits: Partial<SessionLimits>, send: (client: Client) => void) => {
      const { clients } = await setUp(limits)
      const [owner, refused] = clients
      if (!refused.closed) {
        await owner.query("BEGIN")
        send(refused)
      }
      await refused.until(({ closed }) => closed)
      return refused.received
    }
    const say = (sql: string) => (client: Client) => client.stream.write(queryMessage(sql))
    expect(await refusal({ connectionsMax: 1 }, () => {})).toContain("53300")
    expect(await refusal({ messageBytesMax: 64 }, say("long".repeat(20)))).toContain("54000")
    expect(await refusal({ queuedBytesMax: 64 }, say("long".repeat(20)))).toContain("54000")
    const many = (client: Client) => {
      for (let sent = 0; sent < 4; sent++) say("short")(client)
    }
    expect(await refusal({ queuedMessagesMax: 3 }, many)).toContain("54000")
  })

  it("ends all connections when the session behind them is gone", async () => {
    const { multiplexer, clients } = await setUp()
    multiplexer.endAll("gone")
    for (const client of clients) {
      await client.until(({ closed }) => closed)
      expect(client.received).toContain("57P01")
    }
  })
})
