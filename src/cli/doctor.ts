/** `pileus doctor`: says what of the machine fits and what does not, each line with its mend. */
import { Command } from 'commander';

import type { Finding } from '#cloud/machine/checks.ts';
import { DEFAULT_LISTEN, defaultDataPath, toPath } from './config.ts';
import { parseListen } from './parse-listen.ts';

const MARKS = { fits: 'ok  ', slow: 'slow', unfit: 'BAD ' } as const;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what of this machine fits and how to mend what does not')
    .option('--data <directory>', 'data directory that would be used', toPath, defaultDataPath())
    .option('--listen <address:port>', 'address that would be used', parseListen, DEFAULT_LISTEN)
    .option('--json', 'print the findings as JSON')
    .action(async ({ data, listen, json }: { data: string; listen: string; json?: boolean }) => {
      const { checkMachine } = await import('#cloud/machine/checks.ts');
      const findings = await checkMachine({ dataPath: data, listen });
      console.log(json ? JSON.stringify(findings, null, 2) : findings.map(line).join('\n'));
      if (findings.some(({ state }) => state === 'unfit')) process.exitCode = 1;
    });
}

function line({ what, state, why, mend }: Finding): string {
  return `${MARKS[state]} ${what.padEnd(14)}${why}${mend ? `\n${' '.repeat(19)}mend: ${mend}` : ''}`;
}
