/** `pileus down`: ends a running cloud, and removes what a killed one left. */
import { Command } from 'commander';

import { defaultDataPath, toPath } from './config.ts';

export function downCommand(): Command {
  return new Command('down')
    .description('end a cloud, and remove what a killed one left on the machine; its data stays')
    .option('--data <directory>', 'data directory of the cloud', toPath, defaultDataPath())
    .option('--grace <seconds>', 'how long it may take to end in order before it is killed', Number, 60)
    .action(async ({ data, grace }: { data: string; grace: number }) => {
      const { down } = await import('#cloud/down.ts');
      const result = await down(data, grace * 1000);
      if (!result) return console.log(`there is no cloud in ${data}`);
      const said = { none: 'no cloud ran', ended: 'the cloud has ended', killed: 'the cloud was killed' };
      const left = Object.entries(result.leftovers)
        .filter(([, count]) => count > 0)
        .map(([what, count]) => `${count} ${what}`);
      console.log(
        `${said[result.owner]}${left.length > 0 ? `; removed ${left.join(', ')} it had left` : ''}`,
      );
    });
}
