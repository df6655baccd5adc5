/**
 * What of an A2A agent's messages and artifacts is new: the protocol gives the same text more than once, as pieces, as
 * whole artifacts and in the task's last snapshot, and a reader is to see it once. Stateful; nothing goes out from here.
 */
import type { Artifact, Message, Part, Task, TaskArtifactUpdateEvent } from "@a2a-js/sdk"
import type { AnswerBlock } from "../../../../schemas/index.ts"
import { dataBlock, fileBlock, linkBlock } from "../remote/spoken.ts"

/** Data and files in one answer. */
const blocksMax = 16
/** Artifacts and messages that are told apart in one answer. */
const sourcesMax = 1_000

const wordsOf = (part: Part): string => {
  switch (part.content?.$case) {
    case "text":
      return part.content.value
    case "url":
      return part.content.value
    default:
      return ""
  }
}
const textOf = (parts: ReadonlyArray<Part> | undefined): string => (parts ?? []).map(wordsOf).join("")

/** What of a part is not for reading; a file's address is both. */
const blocksOf = ({ content, filename, mediaType }: Part): ReadonlyArray<AnswerBlock> => {
  switch (content?.$case) {
    case "data":
      return dataBlock(filename || "data", content.value)
    case "url":
      return linkBlock({ title: filename || "file", mediaType }, content.value)
    case "raw":
      return fileBlock({ title: filename || "file", mediaType }, content.value)
    default:
      return []
  }
}

const squeezed = (text: string): string => text.replaceAll(/\s+/g, "")

export class Telling {
  readonly #artifacts = new Map<string, string>()
  readonly #messages = new Set<string>()
  readonly #kept = new Set<string>()
  readonly #blocks: Array<AnswerBlock> = []
  /** Without white space, so that the same words in other pieces are known again. */
  #told = ""
  #source = ""

  get blocks(): ReadonlyArray<AnswerBlock> {
    return this.#blocks
  }

  /** Once, however often it is given. */
  #keepBlocks(parts: ReadonlyArray<Part> | undefined): void {
    for (const block of (parts ?? []).flatMap(blocksOf)) {
      const key = JSON.stringify(block)
      if (this.#blocks.length >= blocksMax || this.#kept.has(key)) continue
      this.#kept.add(key)
      this.#blocks.push(block)
    }
  }

  #tell(source: string, text: string): string {
    if (text === "") return ""
    const apart = this.#told !== "" && source !== this.#source ? "\n\n" : ""
    this.#source = source
    this.#told += squeezed(text)
    return apart + text
  }

  #wasTold(text: string): boolean {
    const words = squeezed(text)
    return words !== "" && this.#told.endsWith(words)
  }

  knows({ messageId }: Message): boolean {
    return messageId !== "" && this.#messages.has(messageId)
  }

  /** The text to say now; empty when there is none. */
  message(message: Message | undefined): string {
    if (message === undefined) return ""
    const { messageId, parts } = message
    this.#keepBlocks(parts)
    const text = textOf(parts)
    if (this.knows(message)) return ""
    if (this.#messages.size < sourcesMax) this.#messages.add(messageId)
    return this.#wasTold(text) ? "" : this.#tell(`message ${messageId}`, text)
  }

  piece({ artifact, append }: TaskArtifactUpdateEvent): string {
    if (artifact === undefined) return ""
    if (!append) return this.#artifact(artifact)
    this.#keepBlocks(artifact.parts)
    const text = textOf(artifact.parts)
    this.#remember(artifact.artifactId, (this.#artifacts.get(artifact.artifactId) ?? "") + text)
    return this.#tell(artifact.artifactId, text)
  }

  #remember(id: string, text: string): void {
    if (this.#artifacts.size < sourcesMax || this.#artifacts.has(id)) this.#artifacts.set(id, text)
  }

  #artifact({ artifactId, parts }: Artifact): string {
    this.#keepBlocks(parts)
    const text = textOf(parts)
    const before = this.#artifacts.get(artifactId) ?? ""
    this.#remember(artifactId, text)
    if (text.startsWith(before)) {
      const rest = text.slice(before.length)
      return before === "" && this.#wasTold(rest) ? "" : this.#tell(artifactId, rest)
    }
    return this.#tell(`${artifactId} again`, text)
  }

  task({ artifacts, status }: Task): ReadonlyArray<string> {
    return [...(artifacts ?? []).map((artifact) => this.#artifact(artifact)), this.message(status?.message)]
  }

  /** What a task held before this question is not its answer. */
  forget(task: Task): void {
    this.task(task)
    this.#told = ""
    this.#source = ""
    this.#blocks.length = 0
  }
}
