import { RepriseError } from "../../errors/reprise-error.ts";

export type BinaryOperator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "&&" | "||" | "in";

/** What stands between `${{` and `}}`; `at` counts characters from the expression's first one. */
export type Expression =
  | { readonly kind: "literal"; readonly value: null | boolean | number | string; readonly at: number }
  | { readonly kind: "name"; readonly name: string; readonly at: number }
  | { readonly kind: "member"; readonly of: Expression; readonly name: string; readonly at: number }
  | { readonly kind: "index"; readonly of: Expression; readonly index: Expression; readonly at: number }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[]; readonly at: number }
  | { readonly kind: "unary"; readonly operator: "-" | "!"; readonly of: Expression; readonly at: number }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly at: number;
    }
  | {
      readonly kind: "choice";
      readonly condition: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
      readonly at: number;
    }
  | { readonly kind: "list"; readonly items: readonly Expression[]; readonly at: number }
  | { readonly kind: "object"; readonly entries: readonly Entry[]; readonly at: number }
  | { readonly kind: "listFor"; readonly item: Expression; readonly loop: Loop; readonly at: number }
  | { readonly kind: "objectFor"; readonly entry: Entry; readonly loop: Loop; readonly at: number };

export interface Entry {
  readonly key: Expression;
  readonly value: Expression;
}

/** `for item, index in list if condition`. */
export interface Loop {
  readonly item: string;
  readonly index: string | undefined;
  readonly list: Expression;
  readonly condition: Expression | undefined;
}

/** A mistake inside an expression; `at` as in `Expression`. */
export class ExpressionError extends RepriseError {
  override readonly name = "ExpressionError";
  readonly at: number;
  constructor(message: string, at: number, hint?: string) {
    super(message, { hint });
    this.at = at;
  }
}
