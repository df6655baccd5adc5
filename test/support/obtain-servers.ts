/** Before any suite: the `nats-server` versions are obtained once, so that suites do not build the same one side by side. */
import { contractNatsVersions } from "./nats.ts"

export default async (): Promise<void> => {
  await contractNatsVersions()
}
