/** What this machine says about itself, read once: gauges as they are, and counters that only differences make sense of. */
import * as FileSystem from "node:fs/promises"
import * as OperatingSystem from "node:os"

/** Ever growing; compared between two readings. Absent where the platform does not tell. */
export interface Counters {
  readonly cpuBusyMs: number
  readonly cpuTotalMs: number
  readonly diskReadBytes?: number
  readonly diskWrittenBytes?: number
  readonly networkInBytes?: number
  readonly networkOutBytes?: number
}

export interface Gauges {
  readonly memoryUsedPercent: number
  /** Means of 1, 5 and 15 minutes; absent on Windows, where they are always zero. */
  readonly load?: readonly [number, number, number]
  readonly diskUsedPercent?: number
}

/** The kernel counts sectors of this size whatever the disk's own. Source: Documentation/admin-guide/iostats.rst */
const sectorBytes = 512
/** Whole disks: partitions, loop devices and memory disks would be counted twice or mean nothing. */
const wholeDisk = /^(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/

/** Shape: `/proc/diskstats`. */
export const parseDisks = (text: string): { readonly read: number; readonly written: number } => {
  let [read, written] = [0, 0]
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/)
    if (!wholeDisk.test(fields[2] ?? "")) continue
    read += Number(fields[5]) * sectorBytes
    written += Number(fields[9]) * sectorBytes
  }
  return { read, written }
}

/** Shape: `/proc/net/dev`; loopback is left out. */
export const parseNetwork = (text: string): { readonly received: number; readonly sent: number } => {
  let [received, sent] = [0, 0]
  for (const line of text.split("\n")) {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line)
    if (match === null || match[1] === "lo") continue
    const fields = match[2]!.trim().split(/\s+/)
    received += Number(fields[0])
    sent += Number(fields[8])
  }
  return { received, sent }
}

const textOf = (path: string): Promise<string | undefined> =>
  process.platform === "linux"
    ? FileSystem.readFile(path, "utf8").catch(() => undefined)
    : Promise.resolve(undefined)

export const readCounters = async (): Promise<Counters> => {
  const [disks, network] = await Promise.all([textOf("/proc/diskstats"), textOf("/proc/net/dev")])
  let [cpuBusyMs, cpuTotalMs] = [0, 0]
  for (const { times } of OperatingSystem.cpus()) {
    const total = times.user + times.nice + times.sys + times.idle + times.irq
    cpuTotalMs += total
    cpuBusyMs += total - times.idle
  }
  const disk = disks === undefined ? undefined : parseDisks(disks)
  const net = network === undefined ? undefined : parseNetwork(network)
  return {
    cpuBusyMs,
    cpuTotalMs,
    ...(disk === undefined ? {} : { diskReadBytes: disk.read, diskWrittenBytes: disk.written }),
    ...(net === undefined ? {} : { networkInBytes: net.received, networkOutBytes: net.sent }),
  }
}

export const readGauges = async (directory: string): Promise<Gauges> => {
  const total = OperatingSystem.totalmem()
  const disk = await FileSystem.statfs(directory).catch(() => undefined)
  const [one, five, fifteen] = OperatingSystem.loadavg() as [number, number, number]
  const used = disk === undefined ? 0 : disk.blocks - disk.bfree
  return {
    memoryUsedPercent: (100 * (total - OperatingSystem.freemem())) / total,
    ...(process.platform === "win32" ? {} : { load: [one, five, fifteen] as const }),
    // As `df` counts: of what ordinary users could fill.
    ...(disk === undefined || used + disk.bavail === 0
      ? {}
      : { diskUsedPercent: (100 * used) / (used + disk.bavail) }),
  }
}
