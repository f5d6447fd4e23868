import { createAwsClients, createAwsProvider, serviceQuotas } from "../../providers/aws/index.ts";
import { openSsm } from "../../transports/ssm/index.ts";
import { asCloud } from "../cloud.ts";

const clients = createAwsClients();

export const handler = asCloud(
  "aws",
  ({ clock, random, region, hosts, environment: { reach, hostProfile, hostVpc, sshFrom } }) =>
    createAwsProvider(
      { clock, random, ec2: clients.ec2, hosts, quota: serviceQuotas(clients.ec2, clock), reachesControl: true },
      {
        homeRegion: region,
        reach,
        hostProfile,
        ...(sshFrom === undefined ? {} : { sshFrom }),
        ...(hostVpc === undefined ? {} : { vpc: { region, id: hostVpc } }),
      },
    ),
  openSsm,
);
