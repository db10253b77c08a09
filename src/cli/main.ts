/**
 * The command line: `gearbox <command>`. Each command is a file of this folder, loaded only when it is asked for;
 * here is the table, the streams and the exit codes (0 done, 1 failed, 2 bad input).
 */
import { createInterface } from 'node:readline'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

interface Command {
  summary: string
  run: (argv: string[], io: CliIo) => Promise<void>
}

const commands: Record<string, Command> = {
  start: {
    summary: 'start the gateway and its embedded workers',
    run: async (argv, io) => (await import('./start.js')).runStart(argv, io)
  },
  doctor: {
    summary: 'check settings, ports, checkpoints, workers, store and clocks, and say what to do   [--config FILE]',
    run: async (argv, io) => (await import('./doctor.js')).runDoctor(argv, io)
  },
  keys: {
    summary: 'create, list, rotate, expire, revoke API keys and set limits   --store PATH|redis://…',
    run: async (argv, io) => (await import('./keys.js')).runKeys(argv, io)
  },
  usage: {
    summary: 'what was used and what it cost, from the ledger   --store PATH|redis://… [--export csv|jsonl] [--check]',
    run: async (argv, io) => (await import('./usage.js')).runUsage(argv, io)
  },
  explain: {
    summary: 'a chat request on stdin -> which tier and effort it would get, and why, step by step; runs nothing',
    run: async (argv, io) => (await import('./explain.js')).runExplain(argv, io)
  },
  calibrate: {
    summary: 'the threshold of a cascade, what it saves and loses, from recorded traffic   --samples FILE [--judged FILE] [--target 0.95]',
    run: async (argv, io) => (await import('./calibrate.js')).runCalibrate(argv, io)
  },
  render: {
    summary: 'chat requests (JSON lines on stdin) -> {prompt, ids}   [--ladder preview|0731]',
    run: async (argv, io) => (await import('./render.js')).runRender(argv, io)
  },
  tokenize: {
    summary: '{text} lines -> {ids}   [--control] [--checkpoint DIR]',
    run: async (argv, io) => (await import('./tokenize.js')).runTokenize(argv, io)
  },
  parse: {
    summary: '{text, thinking, tools, cuts?} lines -> {message}',
    run: async (argv, io) => (await import('./parse.js')).runParse(argv, io)
  },
  generate: {
    summary: '--checkpoint DIR "prompt": an answer from a checkpoint, without a server',
    run: async (argv, io) => (await import('./generate.js')).runGenerate(argv, io)
  },
  logits: {
    summary: '--checkpoint DIR --tokens 1,2,3 [--mode exact|qat_sim] [--ranks N] [--chunk N] -> {logits}',
    run: async (argv, io) => (await import('./logits.js')).runLogits(argv, io)
  },
  quantize: {
    summary: '--checkpoint DIR --out DIR [--bits 4|8] [--text FILE]: BF16 weights in the official FP4/FP8 layout, and the loss it costs',
    run: async (argv, io) => (await import('./quantize.js')).runQuantize(argv, io)
  },
  plan: {
    summary: '--tier T (--gpus 8xH200 | --machine 192GB) [--context 256k] [--concurrency N]: does it fit, and how to start it',
    run: async (argv, io) => (await import('./plan.js')).runPlan(argv, io)
  }
}

const [name, ...argv] = process.argv.slice(2)
const command = name === undefined ? undefined : commands[name]

if (command === undefined) {
  const isHelp = name === undefined || name === 'help' || name === '--help'
  const table = Object.entries(commands).map(([word, { summary }]) => `  ${word.padEnd(10)}${summary}`).join('\n')
  process.stderr.write(isHelp ? '' : `gearbox: no command named ${name}\n`)
  const stream = isHelp ? process.stdout : process.stderr
  stream.write(`usage: gearbox <command> [options]\n\n${table}\n`)
  process.exitCode = isHelp ? 0 : 2
} else {
  await runCommand(command, argv)
}

async function runCommand (chosen: Command, rest: string[]): Promise<void> {
  const io: CliIo = {
    lines: standardInputLines(),
    write: text => { process.stdout.write(text) },
    writeError: text => { process.stderr.write(text) }
  }
  // A reader that has seen enough (`| head -1`) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exitCode = 0
    else throw error
  })
  try {
    await chosen.run(rest, io)
  } catch (error) {
    const isInput = error instanceof CliInputError || (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
    if (!isInput && !(error instanceof Error && error.name === 'ConfigError')) {
      process.stderr.write(`gearbox: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`)
      process.exitCode = 1
      return
    }
    process.stderr.write(`gearbox ${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  }
}

/** Opened only when a command reads it: an open stdin would keep the others from ending. */
async function * standardInputLines (): AsyncGenerator<string, void, undefined> {
  yield * createInterface({ input: process.stdin, crlfDelay: Infinity })
}
