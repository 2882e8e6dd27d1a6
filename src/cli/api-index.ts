/** `pileus api-index`: writes docs/api-index.md from the route tables. A test fails when the file is stale. */
import { Command } from 'commander';

export function apiIndexCommand(): Command {
  return new Command('api-index')
    .description('write docs/api-index.md: every path and action of the APIs, and the file that answers it')
    .action(async () => {
      const { API_INDEX, renderApiIndex } = await import('./api-index/render.ts');
      const { writeFile } = await import('node:fs/promises');
      await writeFile(API_INDEX, await renderApiIndex());
      console.log(`wrote ${API_INDEX}`);
    });
}
