/** An error as a cloud reports it; each cloud renders it in its own shape. */
export class CloudError extends Error {
  override readonly name = "CloudError";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Azure's `details`, Google's `errors[].reason` when it differs from the code. */
  readonly details: readonly ErrorDetail[];

  constructor(
    status: number,
    code: string,
    message: string,
    options: { headers?: Readonly<Record<string, string>>; details?: readonly ErrorDetail[] } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.details = options.details ?? [];
  }
}

export interface ErrorDetail {
  readonly code: string;
  readonly message: string;
}

/** Something of the cloud that this emulator lacks: never ignored, always 501 and recorded. */
export class NotImplemented extends CloudError {
  constructor(what: string) {
    super(501, "NotImplemented", `not emulated: ${what}`);
  }
}
