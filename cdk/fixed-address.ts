import type { ISubnet, IVpc } from "aws-cdk-lib/aws-ec2";
import { CfnEIP, GatewayVpcEndpointAwsService, NatProvider, SecurityGroup, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";
import { explainFindings } from "./explain-findings.ts";

/**
 * One address from which functions speak: a network of their own behind a NAT gateway, so that hosts let in SSH from
 * there alone. The only thing in the stack that is paid by the hour.
 */
export class FixedAddress extends Construct {
  readonly vpc: IVpc;
  readonly subnets: readonly ISubnet[];
  readonly securityGroup: SecurityGroup;
  /** As a CIDR block. */
  readonly cidr: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const address = new CfnEIP(this, "Address", { domain: "vpc" });
    const vpc = new Vpc(this, "Vpc", {
      maxAzs: 2,
      natGateways: 1, // a second one would be a second address, and as much again
      natGatewayProvider: NatProvider.gateway({ eipAllocationIds: [address.attrAllocationId] }),
      subnetConfiguration: [
        { name: "out", subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        { name: "functions", subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 22 },
      ],
      // What goes to the bucket needn't be paid by the gigabyte.
      gatewayEndpoints: { s3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    // It is one: only the library's types weren't written for exact optional properties.
    this.vpc = vpc as IVpc;
    this.subnets = vpc.privateSubnets;
    this.securityGroup = new SecurityGroup(this, "Functions", {
      vpc: this.vpc,
      description: "reprise: functions speak to hosts and to AWS, nobody speaks to them",
      allowAllOutbound: true,
    });
    this.cidr = `${address.attrPublicIp}/32`;
    explainFindings(vpc, [
      {
        id: "AwsSolutions-VPC7",
        reason:
          "nothing but functions is in it, and their logs say whom they spoke to; flow logs are paid by the gigabyte",
      },
    ]);
  }
}
