/** `pileus api-index`: writes docs/api-index.md from the route tables. A test fails when the file is stale. */
import { Command } from 'commander';

export function apiIndexCommand(): Command {
  return new Command('api-index')
    .description(
      'write docs/api-index.md: every operation of the APIs, the file that answers it and the tests it succeeds in, or why it is not offered',
    )
    .action(async () => {
      const { refreshApiIndex } = await import('./api-index/refresh.ts');
      console.log(`wrote ${await refreshApiIndex()}`);
    });
}
