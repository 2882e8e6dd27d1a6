/** `pileus test`: installs what the tests need and runs them. */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { toPath } from './config.ts';

export function testCommand(): Command {
  return new Command('test')
    .description('install what the tests need and run them; the last line is "N passed, N failed"')
    .argument(
      '[filter...]',
      'only test files whose path contains one of these, such as interop or src/platform',
    )
    .option('--names <pattern>', 'only tests whose name matches this regular expression')
    .option('--no-install', 'do not install missing packages')
    .option(
      '--record-coverage',
      'note which operations of the APIs succeed in which file, for docs/api-index.md, and write it',
    )
    .action(async (filters: string[], options: TestCommandOptions) => {
      const { runTests } = await import('./test/run.ts');
      const { passed, failed } = await runTests({ filters, ...options });
      if (options.recordCoverage) {
        const { refreshApiIndex } = await import('./api-index/refresh.ts');
        console.log(`wrote ${await refreshApiIndex()}`);
      }
      if (failed > 0 || passed === 0) process.exitCode = 1;
    })
    .addCommand(interopCommand());
}

interface TestCommandOptions {
  names?: string;
  install: boolean;
  recordCoverage?: boolean;
}

interface InteropCommandOptions {
  data?: string;
  simulated?: boolean;
  smoke?: boolean;
  all?: boolean;
  regex?: string[];
  workers?: number;
  hosts?: number;
  json?: string;
  verbose?: boolean;
}

function interopCommand(): Command {
  return new Command('interop')
    .description("run tempest's tests that an OpenStack Powered cloud must pass, and report by service")
    .option(
      '--data <dir>',
      'against the cloud that runs with this data directory, instead of one of its own',
      toPath,
    )
    .option('--simulated', 'against a cloud on the models: no guest is logged in to')
    .option('--smoke', "run tempest's smoke tests, instead of the guideline")
    .option('--all', "run all of tempest's tests of the APIs, instead of the guideline")
    .option('--regex <pattern...>', 'run what matches, instead of the guideline')
    .option('--workers <n>', 'tests at once', (text) => Number.parseInt(text, 10))
    .option('--hosts <n>', 'of the cloud that is started for it', (text) => Number.parseInt(text, 10))
    .option('--json <file>', 'write the report, with each test, to a file', toPath)
    .option('--verbose', 'each result as it comes')
    .action(runInteropCommand);
}

async function runInteropCommand(options: InteropCommandOptions): Promise<void> {
  const { installTempest, runInterop } = await import('./test/interop/run.ts');
  const { reportText } = await import('./test/interop/report.ts');
  const { wideReportText } = await import('./test/interop/wide-report.ts');
  const { patternsOf } = await import('./test/interop/selection.ts');
  await installTempest();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
  const regexes = patternsOf(options);
  const { report, wide } = await runInterop({
    signal: stop.signal,
    ...(options.data === undefined ? {} : { dataPath: options.data }),
    ...(options.simulated ? { simulated: true } : {}),
    ...(regexes ? { regexes } : {}),
    ...(options.workers ? { workers: options.workers } : {}),
    ...(options.hosts ? { hosts: options.hosts } : {}),
    ...(options.verbose
      ? { onResult: ({ verdict, name }) => console.log(`${verdict.padEnd(8)}${name}`) }
      : {}),
  });
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(wide, undefined, 2)}\n`);
  console.log(regexes ? wideReportText(wide) : reportText(report));
  if ((regexes ? wide : report).failed > 0) process.exitCode = 1;
}
