/** `pileus test`: installs what the tests need and runs them. */
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
    .action(async (filters: string[], options: { names?: string; install: boolean }) => {
      const { runTests } = await import('./test/run.ts');
      const { passed, failed } = await runTests({ filters, ...options });
      if (failed > 0 || passed === 0) process.exitCode = 1;
    })
    .addCommand(interopCommand());
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
    .option('--regex <pattern...>', 'run what matches, instead of the guideline')
    .option('--workers <n>', 'tests at once', (text) => Number.parseInt(text, 10))
    .option('--verbose', 'each result as it comes')
    .action(
      async (options: {
        data?: string;
        simulated?: boolean;
        regex?: string[];
        workers?: number;
        verbose?: boolean;
      }) => {
        const { installTempest, runInterop } = await import('./test/interop/run.ts');
        const { resultsText, reportText } = await import('./test/interop/report.ts');
        await installTempest();
        const stop = new AbortController();
        for (const signal of ['SIGINT', 'SIGTERM'] as const)
          process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
        const { report, results } = await runInterop({
          signal: stop.signal,
          ...(options.data === undefined ? {} : { dataPath: options.data }),
          ...(options.simulated ? { simulated: true } : {}),
          ...(options.regex ? { regexes: options.regex } : {}),
          ...(options.workers ? { workers: options.workers } : {}),
          ...(options.verbose
            ? { onResult: ({ verdict, name }) => console.log(`${verdict.padEnd(8)}${name}`) }
            : {}),
        });
        console.log(options.regex ? resultsText(results) : reportText(report));
        const failed = options.regex
          ? results.some(({ verdict }) => verdict === 'failed')
          : report.failed > 0;
        if (failed) process.exitCode = 1;
      },
    );
}
