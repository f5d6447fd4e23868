import { CfnResource } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** A finding of cdk-nag that stands, with the reason; `appliesTo` names the exact permissions, so that a new one is found. */
export interface ExplainedFinding {
  readonly id: string;
  readonly appliesTo?: readonly (string | { readonly regex: string })[];
  readonly reason: string;
}

/**
 * Writes the explanations where cdk-nag reads them: into the metadata of every resource below `scope`. By hand, since the
 * package is a development tool that a deployment doesn't need.
 */
export function explainFindings(scope: IConstruct, findings: readonly ExplainedFinding[]): void {
  const rules = findings.map(({ id, appliesTo, reason }) => ({
    id,
    reason,
    ...(appliesTo === undefined ? {} : { applies_to: appliesTo }),
  }));
  for (const construct of scope.node.findAll()) {
    if (!CfnResource.isCfnResource(construct)) continue;
    const known = construct.getMetadata("cdk_nag") as { rules_to_suppress: object[] } | undefined; // only written here
    construct.addMetadata("cdk_nag", { rules_to_suppress: [...(known?.rules_to_suppress ?? []), ...rules] });
  }
}
