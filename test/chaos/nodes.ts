/** The node processes of a chaos run: started, killed, stopped and resumed by the driver. */
import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { ChaosConnection } from "./config.ts"

export class Nodes {
  readonly running: Array<ChildProcess> = []
  private readonly connection: ChaosConnection
  private readonly program: string

  /** `program`: what a process runs, beside this file. */
  constructor(connection: ChaosConnection, program = "node.ts") {
    this.connection = connection
    this.program = program
  }

  /** Starts a node; done once its engine runs. */
  async start(): Promise<void> {
    const child = fork(join(import.meta.dirname, this.program), {
      env: { ...process.env, CHAOS_CONNECTION: JSON.stringify(this.connection) },
    })
    this.running.push(child)
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve())
      child.once("exit", (code) => reject(new Error(`a node ended with ${code} before it had started`)))
    })
  }

  /** Ends a node without any farewell and waits until it is gone. */
  async kill(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once("exit", resolve))
    this.running.splice(this.running.indexOf(child), 1)
    child.kill("SIGKILL")
    await gone
  }

  async killAll(): Promise<void> {
    for (const child of [...this.running]) await this.kill(child)
  }
}
