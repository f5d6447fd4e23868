/** Which names a cell gives to those after it, and which it takes from those before: what has to be run again follows. */

export interface CellNames {
  readonly defines: readonly string[];
  /** Of the names asked for, those that occur in it: more than it uses at most, never less. */
  readonly uses: (names: Iterable<string>) => string[];
  /** The import statements, which stand above everything in a module. */
  readonly imports: readonly string[];
  /** The rest. */
  readonly body: string;
}

/**
 * @param source JavaScript as esbuild prints it: types gone, each statement at the start of a line, patterns on one line
 */
export function namesOf(source: string): CellNames {
  const imports: string[] = [];
  const rest: string[] = [];
  const defines = new Set<string>();
  const lines = source.split("\n");
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i] ?? "";
    if (/^import[\s{*"]/.test(line)) {
      while (!/["'];?\s*$/.test(line) && i + 1 < lines.length) line += `\n${lines[++i] ?? ""}`;
      imports.push(line);
      for (const name of importedNames(line)) defines.add(name);
      continue;
    }
    const named = /^(?:export )?(?:async )?(?:function\*?|class)\s+([A-Za-z_$][\w$]*)/.exec(line)?.[1];
    if (named !== undefined) defines.add(named);
    const bound = /^(?:export )?(?:const|let|var)\s+(.*)$/.exec(line)?.[1];
    if (bound !== undefined) for (const name of boundNames(bound)) defines.add(name);
    rest.push(line.replace(/^export (?=(?:async |const|let|var|function|class))/, ""));
  }
  const words = new Set(source.match(/[A-Za-z_$][\w$]*/g) ?? []);
  return {
    defines: [...defines],
    uses: (names) => [...names].filter((name) => words.has(name)),
    imports,
    body: rest.join("\n"),
  };
}

function importedNames(statement: string): string[] {
  const clause = /^import\s+([\s\S]*?)\s+from\s/.exec(statement)?.[1];
  if (clause === undefined) return []; // for its effects
  const named = /\{([\s\S]*)\}/.exec(clause)?.[1] ?? "";
  const whole = /\*\s+as\s+([\w$]+)/.exec(clause)?.[1];
  const first = /^([A-Za-z_$][\w$]*)/.exec(clause)?.[1];
  return [
    ...named.split(",").flatMap((part) => /([\w$]+)\s*$/.exec(part.trim())?.[1] ?? []),
    ...(whole === undefined ? [] : [whole]),
    ...(first === undefined ? [] : [first]),
  ];
}

/** The names that `a = 1, b = 2` or `{ a, b: [c], ...d } = x` bind. */
function boundNames(declaration: string): string[] {
  if (!/^[[{]/.test(declaration)) {
    // esbuild keeps several declarators on the lines they were written on; names follow commas outside brackets.
    const names: string[] = [];
    let depth = 0;
    let expectsName = true;
    for (const token of declaration.match(/[A-Za-z_$][\w$]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^\s]/g) ??
      []) {
      if (/^[([{]$/.test(token)) depth++;
      else if (/^[)\]}]$/.test(token)) depth--;
      else if (depth === 0 && token === ",") expectsName = true;
      else if (expectsName && depth === 0 && /^[A-Za-z_$]/.test(token)) {
        names.push(token);
        expectsName = false;
      }
    }
    return names;
  }
  const end = endOfPattern(declaration);
  return patternNames(declaration.slice(0, end));
}

function endOfPattern(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (/[[{(]/.test(text[i] ?? "")) depth++;
    if (/[\]})]/.test(text[i] ?? "") && --depth === 0) return i + 1;
  }
  return text.length;
}

function patternNames(pattern: string): string[] {
  const names: string[] = [];
  const tokens = pattern.match(/[A-Za-z_$][\w$]*|"[^"]*"|\.\.\.|[^\s]/g) ?? [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] ?? "";
    // `name: target` binds the target, `name = value` and a bare `name` bind the name.
    if (/^[A-Za-z_$]/.test(token) && tokens[i + 1] !== ":") names.push(token);
    if (tokens[i] === "=") {
      let depth = 0;
      while (i + 1 < tokens.length && !(depth === 0 && /^[,\]}]$/.test(tokens[i + 1] ?? ""))) {
        i++;
        if (/^[([{]$/.test(tokens[i] ?? "")) depth++;
        if (/^[)\]}]$/.test(tokens[i] ?? "")) depth--;
      }
    }
  }
  return names;
}
