/** The package ships no types: this is what its README says. */
declare module "asl-validator" {
  export default function validate(
    definition: unknown,
    options: { readonly checkPaths: boolean; readonly checkArn: boolean },
  ): { readonly isValid: boolean; readonly errors: readonly unknown[] };
}
