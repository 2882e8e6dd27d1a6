/** `pileus audit`: looks for what belongs to nobody, is missing or is stuck, in the things themselves. Changes nothing. */
import { Command } from 'commander';
import { defaultDataPath, toPath } from './config.ts';

export function auditCommand(): Command {
  return new Command('audit')
    .description('look for what belongs to nobody, is missing or is stuck; changes nothing')
    .option('--data <directory>', 'data directory of the cloud', toPath, defaultDataPath())
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      `\nIt looks at the databases, OVN, Open vSwitch, libvirt and the disk, not at the API; without a running cloud only at
the databases and the disk. Exit code 1: something was found.`,
    )
    .action(async ({ data, json }: { data: string; json?: boolean }) => {
      const { auditByPath } = await import('./audit/audit-by-path.ts');
      const { findings, looked } = await auditByPath(data);
      if (json) console.log(JSON.stringify(findings, null, 2));
      else console.log([...findings, `${findings.length} findings; looked at ${looked}`].join('\n'));
      if (findings.length > 0) process.exitCode = 1;
    });
}
