import { ArnFormat, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

/** Fixed names, so that functions and state machines may name each other. */
export interface MachineNames {
  readonly sweep: string;
  readonly teardown: string;
}

export const machineNames = (stackName: string): MachineNames => ({
  sweep: `${stackName}-sweep`,
  teardown: `${stackName}-teardown`,
});

export const statesArn = (scope: Construct, resource: "stateMachine" | "execution", resourceName: string): string =>
  Stack.of(scope).formatArn({
    service: "states",
    resource,
    resourceName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });

export const machineArns = (scope: Construct, names: MachineNames): MachineNames => ({
  sweep: statesArn(scope, "stateMachine", names.sweep),
  teardown: statesArn(scope, "stateMachine", names.teardown),
});
