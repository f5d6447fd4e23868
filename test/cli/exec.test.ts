import { argvOf } from "../../cli/commands/exec.ts";

describe("argvOf", () => {
  it("leaves a command and its arguments as they are", () => {
    const words = ["sh", "-c", 'echo "$0 $#"; exit 3', "a b", ""];
    expect(argvOf(words)).toEqual(words);
  });

  it("takes a single word for a line of the shell", () => {
    expect(argvOf(["cat /proc/loadavg | head -c 4"])).toEqual(["sh", "-c", "cat /proc/loadavg | head -c 4"]);
    expect(argvOf(["uptime"])).toEqual(["sh", "-c", "uptime"]);
  });
});
