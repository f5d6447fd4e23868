import type { Function as LambdaFunction, FunctionUrl } from "aws-cdk-lib/aws-lambda";
import { FunctionUrlAuthType, InvokeMode } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";

export interface HostEndpointProps {
  readonly endpoint: LambdaFunction;
}

/**
 * Where hosts report and ask for upload URLs. Hosts have no AWS identity, so the URL itself is open; what a call may do
 * is what the capability in its body was signed for (one host of one attempt), and every write is create-if-absent.
 */
export class HostEndpoint extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, props: HostEndpointProps) {
    super(scope, id);
    const url: FunctionUrl = props.endpoint.addFunctionUrl({
      authType: FunctionUrlAuthType.NONE,
      invokeMode: InvokeMode.BUFFERED,
    });
    this.url = url.url;
  }
}
