/** Settles as `work` does, or rejects with the signal's reason as soon as it aborts; what comes later goes to `late`. */
export async function beforeAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  late: { readonly dispose?: (value: T) => void; readonly failed?: () => void } = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let aborted = false;
    const onAbort = (): void => {
      aborted = true;
      reject(signal.reason as Error); // an AbortSignal's reason is an Error unless the caller chose otherwise
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    work.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        if (aborted) late.dispose?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        if (aborted) late.failed?.();
        else reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
