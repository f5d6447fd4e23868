import { readFileSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "esbuild";

/**
 * Azure's management clients make every group of operations when they are made, and hand every model's description to
 * their serializer: 2 MB of which we call a dozen operations. This leaves out the groups that `providers/azure` never
 * names, and the descriptions that nothing which is left can come to.
 *
 * What isn't understood of a new version of these packages fails the build; a test drives the bundle through a whole
 * deployment.
 *
 * @param root the package's folder, with `node_modules`
 */
export function azureCallsInUse(root: string): Plugin {
  const named = namedOperations(join(root, "providers", "azure"));
  const models = new Map<string, Promise<string>>();
  return {
    name: "azure-calls-in-use",
    setup: (esbuild) => {
      esbuild.onLoad(
        { filter: /@azure[\\/]arm-\w+[\\/]dist[\\/]esm[\\/]\w+ManagementClient\.js$/ },
        async ({ path }) => ({
          contents: withUsedModels(keepGroups(await readFile(path, "utf8"), named, path)),
          loader: "js",
        }),
      );
      esbuild.onLoad(
        { filter: /@azure[\\/]arm-\w+[\\/]dist[\\/]esm[\\/]operations[\\/]\w+\.js$/ },
        async ({ path }) => ({
          contents: withUsedModels(await readFile(path, "utf8")),
          loader: "js",
        }),
      );
      esbuild.onResolve({ filter: /\/models\/used-mappers\.js$/ }, ({ path, importer }) => ({
        path: join(dirname(importer), path),
        sideEffects: false,
      }));
      esbuild.onLoad({ filter: /[\\/]models[\\/]used-mappers\.js$/ }, async ({ path }) => {
        const package_ = join(path, "..", "..");
        const text = models.get(package_) ?? usedMappers(package_, named);
        models.set(package_, text);
        return { contents: await text, loader: "js", resolveDir: join(path, "..") };
      });
    },
  };
}

/** `network.publicIPAddresses.get(…)`, in whatever file of the provider: a group of operations of one of the clients. */
function namedOperations(folder: string): ReadonlySet<string> {
  const named = new Set<string>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts"))) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, group = ""] of text.matchAll(/\b(?:compute|network|resources)\.(\w+)/g)) named.add(group);
  }
  return named;
}

const groupLine = /^ *this\.(\w+) =\s+(?:new (\w+)Impl\(this\)|_get\w+Operations\(\s*this\._client,?\s*\));\n/gm;

function keepGroups(text: string, named: ReadonlySet<string>, path: string): string {
  if (![...text.matchAll(groupLine)].some(([, group = ""]) => named.has(group)))
    throw new Error(`no group of operations that we call is made in ${path}`);
  return text.replace(groupLine, (line, group: string) => (named.has(group) ? line : ""));
}

/** A serializer finds models by their names, so that it is given those alone that it may be asked for. */
function withUsedModels(text: string): string {
  const [, from] = /import \* as Mappers from "(.*)mappers\.js"/.exec(text) ?? [];
  if (from === undefined) return text;
  const changed = text.replace("createSerializer(Mappers,", "createSerializer(UsedMappers,");
  return changed === text ? text : `import * as UsedMappers from "${from}used-mappers.js";\n${changed}`;
}

/** A module with the models that the groups in use may send or receive, and those that these are made of. */
async function usedMappers(folder: string, named: ReadonlySet<string>): Promise<string> {
  const load = async (file: string): Promise<Readonly<Record<string, unknown>>> =>
    (await import(pathToFileURL(join(folder, "models", file)).href)) as Record<string, unknown>; // a module's exports
  const [mappers, parameters] = await Promise.all([load("mappers.js"), load("parameters.js")]);
  const [client = ""] = readdirSync(folder).filter((name) => name.endsWith("ManagementClient.js"));
  const clientText = readFileSync(join(folder, client), "utf8");
  const groups = [...clientText.matchAll(groupLine)].filter(([, group = ""]) => named.has(group));
  const texts = groups.map(([, , name = ""]) => readFileSync(join(folder, "operations", fileOf(folder, name)), "utf8"));

  const used = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "polymorphicDiscriminator") throw new Error("an Azure model in use has descendants: not understood");
      if (key === "className" && typeof inner === "string") use(inner);
      else visit(inner);
    }
  };
  const use = (name: string): void => {
    if (used.has(name) || mappers[name] === undefined) return;
    used.add(name);
    visit(mappers[name]);
  };
  for (const text of texts) {
    for (const [, name = ""] of text.matchAll(/\bMappers\.(\w+)/g)) use(name);
    for (const [, name = ""] of text.matchAll(/\bParameters\.(\w+)/g)) visit(parameters[name]);
  }
  return `export { ${[...used].sort().join(", ")} } from "./mappers.js";\n`;
}

/** `PublicIPAddresses` → `publicIPAddresses.js`, as the package spells it. */
function fileOf(folder: string, group: string): string {
  const wanted = `${group}.js`.toLowerCase();
  const found = readdirSync(join(folder, "operations")).find((name) => name.toLowerCase() === wanted);
  if (found === undefined) throw new Error(`there is no file of the operations ${group} in ${folder}`);
  return found;
}
