import { describe, expect, it } from "vitest"
import { concernsInfrastructure, planQuestion } from "../../../ops/index.ts"

const now = 1_800_000_000_000
const minute = 60_000
const hour = 60 * minute

/** question, metric, aggregation, window, group; `last` means a lookup. */
const table: ReadonlyArray<
  readonly [
    question: string,
    metric: string,
    aggregation: string,
    windowMs: number,
    groupBy?: string | undefined,
    percentile?: number,
  ]
> = [
  ["what is the CPU usage now", "host_cpu_usage_percent", "last", 5 * minute, "host"],
  ["What's the current memory?", "host_memory_used_percent", "last", 5 * minute, "host"],
  ["average load over the last 5 minutes per host", "host_load1", "avg", 5 * minute, "host"],
  ["load average", "host_load1", "last", 5 * minute, "host"],
  ["5 minute load", "host_load5", "last", 5 * minute, "host"],
  ["max memory in the last hour", "host_memory_used_percent", "max", hour],
  ["minimum cpu in 30 seconds", "host_cpu_usage_percent", "min", 30_000],
  ["p95 cpu over the past 10 min", "host_cpu_usage_percent", "percentile", 10 * minute, undefined, 95],
  [
    "median disk reads over the last 2 hours",
    "host_disk_read_bytes_per_second",
    "percentile",
    2 * hour,
    undefined,
    50,
  ],
  ["How high was the CPU in the last two hours?", "host_cpu_usage_percent", "avg", 2 * hour],
  ["disk usage", "host_disk_used_percent", "last", 5 * minute, "host"],
  ["disk writes during the last day", "host_disk_write_bytes_per_second", "avg", 24 * hour],
  ["outbound traffic", "host_network_transmit_bytes_per_second", "last", 5 * minute, "host"],
  ["network traffic by host, peak", "host_network_receive_bytes_per_second", "max", 5 * minute, "host"],
  ["지금 CPU 사용률은?", "host_cpu_usage_percent", "last", 5 * minute, "host"],
  ["최근 5분 평균 로드", "host_load1", "avg", 5 * minute],
  ["5분 로드", "host_load5", "last", 5 * minute, "host"],
  ["지난 1시간 동안 메모리 최대값", "host_memory_used_percent", "max", hour],
  ["지난 한 시간 메모리 최저", "host_memory_used_percent", "min", hour],
  ["서버별 로드 최근 30분", "host_load1", "avg", 30 * minute, "host"],
  ["최근 10분 CPU 95 백분위", "host_cpu_usage_percent", "percentile", 10 * minute, undefined, 95],
  ["디스크 사용량 알려줘", "host_disk_used_percent", "last", 5 * minute, "host"],
  ["네트워크 송신량", "host_network_transmit_bytes_per_second", "last", 5 * minute, "host"],
  ["호스트별 평균 부하", "host_load1", "avg", 5 * minute, "host"],
]

describe("the offline planner", () => {
  for (const [question, metric, aggregation, windowMs, groupBy, percentile] of table) {
    it(`understands "${question}"`, () => {
      const plan = planQuestion(question, now)
      expect(plan.route).toBe(aggregation === "last" ? "LOOKUP" : "AGGREGATE")
      if (!("query" in plan)) throw new Error("no query")
      const { query } = plan
      expect([
        query.metric,
        query.aggregation,
        query.to - query.from,
        query.groupBy,
        query.percentile,
      ]).toEqual([metric, aggregation, windowMs, groupBy, percentile])
      expect(query.to).toBe(now)
      expect(concernsInfrastructure(question)).toBe(true)
    })
  }

  const others: ReadonlyArray<readonly [question: string, route: string, topic?: string]> = [
    ["what time is it", "DIRECT", "time"],
    ["지금 몇 시야?", "DIRECT", "time"],
    ["which metrics are there", "DIRECT", "metrics"],
    ["메트릭 목록", "DIRECT", "metrics"],
    ["help", "DIRECT", "help"],
    ["which services depend on the database", "GRAPH"],
    ["서비스 의존 관계", "GRAPH"],
    ["hello", "REJECT"],
    ["주문 취소는 어떻게 하나요?", "REJECT"],
  ]
  for (const [question, route, topic] of others) {
    it(`routes "${question}" to ${route}`, () => {
      expect(planQuestion(question, now)).toMatchObject({ route, ...(topic === undefined ? {} : { topic }) })
    })
  }

  it("says what can be asked when it rejects, in the language of the question", () => {
    expect(planQuestion("hello", now)).toMatchObject({
      remedy: expect.stringMatching(/host_cpu_usage_percent/),
    })
    expect(planQuestion("안녕", now)).toMatchObject({ remedy: expect.stringMatching(/CPU 사용률/) })
  })

  it("takes only the named host", () => {
    expect(planQuestion("cpu of host=web-1", now)).toMatchObject({ query: { where: { host: "web-1" } } })
  })
})
