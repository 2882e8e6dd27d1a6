// A limit of the project would be passed. Answered with 413, as upstream's volume service does.
import { DomainError } from '#platform/errors/domain-error.ts';

export interface OverQuota {
  /** `volumes`, `gigabytes_fast` … */
  readonly name: string;
  readonly asked: number;
  readonly used: number;
  readonly limit: number;
}

export class VolumeQuotaExceeded extends DomainError {
  constructor(over: OverQuota) {
    super('over-limit', 'volume-quota-exceeded', sentenceOf(over), { fields: { ...over } });
  }
}

function sentenceOf({ name, asked, used, limit }: OverQuota): string {
  if (name === 'per_volume_gigabytes')
    return `Requested size ${asked}G exceeds the ${limit}G that a single volume of this project may have.`;
  if (/^(backup_)?gigabytes/.test(name))
    return `Requested size exceeds the allowed ${name} quota. Requested ${asked}G, quota is ${limit}G and ${used}G has been consumed.`;
  const what = /^[a-z]+/.exec(name)?.[0] ?? name;
  return `Maximum number of ${what} allowed (${limit}) exceeded for quota '${name}'.`;
}
