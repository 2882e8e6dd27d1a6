/**
 * The command line: each command is a file here, and its path is the command. Actions import what they need when
 * they run, so that each command starts fast. Called by bin/pileus.ts.
 */
import { Command } from 'commander';
import { apiIndexCommand } from './api-index.ts';
import { auditCommand } from './audit.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { testCommand } from './test.ts';
import { traceCommand } from './trace.ts';
import { upCommand } from './up.ts';
import { explain } from '#cloud/errors.ts';

export function program(): Command {
  return new Command('pileus')
    .description('A whole OpenStack-compatible cloud in one program')
    .showHelpAfterError('(pileus --help shows what there is)')
    .addCommand(upCommand())
    .addCommand(downCommand())
    .addCommand(traceCommand())
    .addCommand(auditCommand())
    .addCommand(doctorCommand())
    .addCommand(testCommand())
    .addCommand(apiIndexCommand());
}

/** Runs the command line; a failure is told in one sentence and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    console.error(`pileus: ${explain(error)}`);
    process.exitCode ||= 1;
  }
}
