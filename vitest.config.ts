/**
 * The suites in three groups, one after the other, since they disturb each other on a small machine: what is bound by
 * the processor, what talks to real servers and watches time, and what kills processes under load.
 */
import { defineConfig } from "vitest/config"

/** Where `.ci/run` reads the totals. */
const results = process.env.TEST_RESULTS

const group = (name: string, groupOrder: number, maxWorkers: number, include: ReadonlyArray<string>) => ({
  extends: true as const,
  test: { name, include: [...include], maxWorkers, sequence: { groupOrder } },
})

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    globalSetup: ["test/support/obtain-servers.ts"],
    reporters: results === undefined ? ["default"] : ["default", ["json", { outputFile: results }]],
    projects: [
      group("parts", 0, 2, ["test/{tidy,unit,golden,simulation}/**/*.test.ts"]),
      group("servers", 1, 2, ["test/{contract,integration}/**/*.test.ts"]),
      group("chaos", 2, 1, ["test/chaos/**/*.test.ts"]),
    ],
  },
})
