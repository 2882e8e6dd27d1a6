// Audits the cloud of a data directory, running or not, simulated or not. Called by `pileus audit` and the tests of faults.
import { auditCloud, type AuditOptions } from '#cloud/audit/audit.ts';
import type { ModelThings } from '#cloud/audit/read-things.ts';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { readCloud } from '../cloud-access.ts';

export interface PathAudit {
  readonly findings: readonly string[];
  /** What was looked at, for a person. */
  readonly looked: string;
}

/** @throws Error when there is no cloud, or one of its programs does not answer */
export async function auditByPath(
  dataPath: string,
  options: Pick<AuditOptions, 'secondLookMs'> = {},
): Promise<PathAudit> {
  const data = findDataDirectory(dataPath);
  if (!data) throw new Error(`there is no cloud in ${dataPath}`);
  const owner = data.findOwner();
  const isSimulated = owner?.simulated === true;
  const simulated = async (): Promise<ModelThings> => {
    const admin = await readCloud(data.path, 'pileus-admin');
    return (await admin.get('/simulation/world')) as ModelThings;
  };
  const findings = await auditCloud(data, { ...options, ...(isSimulated ? { simulated } : {}) });
  const looked = !owner
    ? 'the databases and the disk; the cloud does not run'
    : `the databases, the disk${isSimulated ? ' and the models' : ', OVN, Open vSwitch and libvirt'}`;
  return { findings, looked };
}
