/** `npm run test:services`: suites against real servers other than NATS, which `npm test` does without. */
import { join } from "node:path"
import { defineConfig } from "vitest/config"

const results = process.env.TEST_RESULTS

export default defineConfig({
  root: join(import.meta.dirname, "../.."),
  test: {
    include: ["test/services/**/*.test.ts"],
    globalSetup: ["test/services/setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: results === undefined ? ["default"] : ["default", ["json", { outputFile: results }]],
  },
})
