/** `pileus test`: installs what the tests need and runs them. */
import { Command } from 'commander';

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
    });
}
