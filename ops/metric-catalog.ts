/** The metrics that questions can be about, and the words by which people mean them, English and Korean. */
import { hostMetrics, type MetricDescription } from "../schemas/index.ts"

export interface CatalogEntry extends MetricDescription {
  /** The first entry whose pattern is found in a question is meant: special ones come before general ones. */
  readonly words: RegExp
  readonly labels: ReadonlyArray<string>
  /** What the metric is called in an answer. */
  readonly english: string
  readonly korean: string
}

const entry = (metric: MetricDescription, english: string, korean: string, words: RegExp): CatalogEntry => ({
  ...metric,
  english,
  korean,
  words,
  labels: ["host"],
})

const { cpu, memory, load1, load5, load15, disk, diskRead, diskWrite, networkIn, networkOut } = hostMetrics

export const metricCatalog: ReadonlyArray<CatalogEntry> = [
  entry(
    diskRead,
    "disk reads",
    "디스크 읽기",
    /disks?\s+(?:io\s+)?reads?|read(?:s|ing)?\s+(?:from\s+)?(?:the\s+)?disks?|디스크\s*읽기/,
  ),
  entry(
    diskWrite,
    "disk writes",
    "디스크 쓰기",
    /disks?\s+(?:io\s+)?writes?|disks?\s+i\/?o|writ(?:es?|ing)\s+(?:to\s+)?(?:the\s+)?disks?|디스크\s*(?:쓰기|입출력|io)/,
  ),
  entry(
    disk,
    "disk use",
    "디스크 사용률",
    /\bdisks?\b|\bstorage\b|file\s*system|디스크|저장\s*(?:공간|소)|스토리지/,
  ),
  entry(
    networkOut,
    "network sent",
    "네트워크 송신",
    /(?:network|traffic|bytes|네트워크|트래픽).*(?:\bout\b|outbound|sent|send|transmit|upload|송신|전송|나가는)|(?:outbound|outgoing|upload|송신|나가는)\s*(?:network|traffic|네트워크|트래픽)/,
  ),
  entry(networkIn, "network received", "네트워크 수신", /network|traffic|bandwidth|네트워크|트래픽|대역폭/),
  entry(memory, "memory use", "메모리 사용률", /memory|\bram\b|\bmem\b|메모리|램\s/),
  entry(load15, "load (15 min)", "15분 로드", /load\s*15|15[\s-]*min(?:ute)?s?\s+load|15분\s*로드/),
  entry(load5, "load (5 min)", "5분 로드", /load\s*5\b|5[\s-]*min(?:ute)?s?\s+load\b|5분\s*로드(?!\s*평균)/),
  entry(load1, "load (1 min)", "1분 로드", /\bloads?\b|로드|부하/),
  entry(cpu, "CPU usage", "CPU 사용률", /\bcpus?\b|cpu|processors?|씨피유|프로세서/),
]

export const catalogEntry = (name: string): CatalogEntry | undefined =>
  metricCatalog.find((known) => known.name === name)
