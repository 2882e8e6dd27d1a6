// The auditor as tests use it: a cloud that rests must come to have nothing wrong within a bound.
import { auditByPath } from '#cli/audit/audit-by-path.ts';

const BOUND_MS = 15_000; // what was done goes on for a moment: northd, the outbox, a loop that was nudged

/** @throws Error with what is still found after the bound */
export async function assertSound(dataPath: string, when: string, boundMs = BOUND_MS): Promise<void> {
  const end = Date.now() + boundMs;
  for (;;) {
    // A program that was killed may not answer yet.
    const findings = await auditByPath(dataPath, { secondLookMs: 200 }).then(
      (audit) => audit.findings,
      (error: unknown) => [`it fails: ${String(error)}`],
    );
    if (findings.length === 0) return;
    if (Date.now() > end) throw new Error(`${when}, the audit finds:\n${findings.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
