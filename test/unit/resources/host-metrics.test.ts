import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { samplesOf } from "../../../resources/host-metrics/collector.ts"
import { parseDisks, parseNetwork } from "../../../resources/host-metrics/readings.ts"
import { collectHostMetrics } from "../../../resources/index.ts"
import { hostMetrics } from "../../../schemas/index.ts"
import { laneOf, MetricStream, metricToken, SampleDecoder, samplesOfColumns } from "../../../streams/index.ts"
import { makeMemoryEventStream } from "../../support/memory-event-stream.ts"

const diskstats = `   7       0 loop0 9 0 900 0 9 0 900 0 0 0 0
 254       0 vda 100 0 2000 10 50 0 1000 5 0 8 15
 254       1 vda1 100 0 2000 10 50 0 1000 5 0 8 15
 259       0 nvme0n1 1 0 8 0 1 0 16 0 0 0 0`
const netdev = `Inter-|   Receive                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
  eth0: 4096 2 0 0 0 0 0 0 1024 3 0 0 0 0 0 0
  eth1:100 2 0 0 0 0 0 0 200 3 0 0 0 0 0 0`

describe("host metrics", () => {
  it("count whole disks and all interfaces but loopback", () => {
    expect(parseDisks(diskstats)).toEqual({ read: 2_008 * 512, written: 1_016 * 512 })
    expect(parseNetwork(netdev)).toEqual({ received: 4_196, sent: 1_224 })
  })

  it("make rates of counters, and leave out what is not told or began anew", () => {
    const before = { cpuBusyMs: 100, cpuTotalMs: 1_000, diskReadBytes: 5_000, networkInBytes: 900 }
    const now = { cpuBusyMs: 600, cpuTotalMs: 3_000, diskReadBytes: 9_000, networkInBytes: 10 }
    const samples = samplesOf("h", 7, { memoryUsedPercent: 40 }, before, now, 2_000)
    expect(samples.map(({ name, value }) => [name, value])).toEqual([
      [hostMetrics.cpu.name, 25],
      [hostMetrics.memory.name, 40],
      [hostMetrics.diskRead.name, 2_000],
    ])
    expect(samples[0]).toMatchObject({ labels: { host: "h" }, at: 7 })
  })

  it("are measured on this machine and published into the lanes of their names", async () => {
    const stream = makeMemoryEventStream(() => 0)
    const events = await Effect.runPromise(
      Effect.gen(function* () {
        const collecting = yield* Effect.forkChild(
          Effect.provideService(collectHostMetrics({ host: "my host", everyMs: 10 }), MetricStream, stream),
        )
        const tail = yield* stream.tail(">", { sequence: 1 })
        const taken = yield* tail.take
        yield* Fiber.interrupt(collecting)
        return taken
      }).pipe(Effect.scoped),
    )
    const decoder = new SampleDecoder()
    const samples = events.flatMap(({ token, data }) => {
      const found = samplesOfColumns(decoder.read(data)!)
      for (const { name } of found) {
        const lane = laneOf("default", name, stream.lanes)
        expect(token).toBe(metricToken("default", lane, "host", "my host"))
      }
      return found
    })
    const memory = samples.find(({ name }) => name === hostMetrics.memory.name)!
    expect(memory.value).toBeGreaterThan(0)
    expect(memory.value).toBeLessThanOrEqual(100)
    for (const { value } of samples) expect(value).toBeGreaterThanOrEqual(0)
  })
})
