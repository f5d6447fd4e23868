/** A signal that asks this process to end. */
export type Interrupt = "SIGINT" | "SIGTERM";

/**
 * Takes SIGINT and SIGTERM from its making on, so that none is lost between the first thing that has to be undone and
 * whoever knows how: what came before `handle` is handed over then.
 */
export class Interrupts {
  private readonly early: Interrupt[] = [];
  private handler: ((signal: Interrupt) => void) | undefined;
  private readonly listeners: readonly (readonly [Interrupt, () => void])[];

  constructor() {
    this.listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => [signal, () => this.take(signal)] as const);
    for (const [signal, listener] of this.listeners) process.on(signal, listener);
  }

  /** Whether one came that nobody has handled. */
  hasPending(): boolean {
    return this.early.length > 0;
  }

  handle(handler: (signal: Interrupt) => void): void {
    this.handler = handler;
    for (const signal of this.early.splice(0)) handler(signal);
  }

  /** From now on signals end the process as they do by default. */
  end(): void {
    for (const [signal, listener] of this.listeners) process.off(signal, listener);
  }

  private take(signal: Interrupt): void {
    if (this.handler === undefined) this.early.push(signal);
    else this.handler(signal);
  }
}
