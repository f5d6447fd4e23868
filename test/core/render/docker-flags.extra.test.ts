import { execFileSync } from "node:child_process";

/** The words and flags that containers are run with, held to the help of the real command; its engine needn't run. */
const used: Readonly<Record<string, readonly string[]>> = {
  create: [
    "--name",
    "--label",
    "--init",
    "--rm",
    "--entrypoint",
    "--volume",
    "--cpuset-cpus",
    "--memory",
    "--memory-swap",
    "--ipc",
  ],
  start: [],
  exec: ["--env"],
  cp: [],
  kill: [],
  rm: ["--force", "--volumes"],
  ps: ["--all", "--quiet", "--filter"],
  "image inspect": ["--format"],
  info: ["--format"],
};

describe("the docker command", () => {
  it.each(Object.entries(used))("knows `%s` and its flags", (word, flags) => {
    const help = execFileSync("docker", [...word.split(" "), "--help"], { encoding: "utf8" });
    for (const flag of flags) expect(help).toMatch(new RegExp(`${flag}\\b`));
  });
});
