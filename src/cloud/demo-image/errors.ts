// The error of the demo image build; its message says what is missing and which Debian package has it.

export type DemoImageErrorCode = 'input-missing' | 'tool-missing' | 'tool-failed';

export class DemoImageError extends Error {
  override readonly name = 'DemoImageError';
  readonly code: DemoImageErrorCode;

  constructor(code: DemoImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
