/** Whatever drives a run at this moment. */
export interface Driver {
  /** `process 4711`, or the console's page of an execution. */
  readonly description: string;
  readonly epoch: number;
}
