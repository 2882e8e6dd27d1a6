// What the compute agent needs of config drives: a disk image holding a server's metadata files. real.ts is the one kind.

export type ConfigDriveFiles = ReadonlyMap<string, string | Uint8Array>;

export type ConfigDriveRequest = {
  /** The image file; its directory exists. Replaced whole when it is there already. */
  readonly target: string;
  /** Relative path such as `openstack/latest/meta_data.json` to content. */
  readonly files: ConfigDriveFiles;
  /** The time that the files on the drive show. */
  readonly modified: Date;
};

export type ConfigDriveWriter = {
  /**
   * Writes an ISO 9660 image with the volume label `config-2`, readable by the owner only (it holds user-data and the
   * admin password). Answers its size. Throws ConfigDriveError `bad-path` for a path that no image can hold.
   */
  write(request: ConfigDriveRequest): Promise<{ readonly bytes: number }>;
  /** Removes an image; one that is not there is as good. */
  remove(target: string): Promise<void>;
};

export class ConfigDriveError extends Error {
  override readonly name = 'ConfigDriveError';
  readonly code = 'bad-path';
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`cannot put ${JSON.stringify(path)} on a config drive: ${reason}`);
    this.path = path;
  }
}
