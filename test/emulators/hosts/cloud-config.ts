import { parse } from "yaml";
import { z } from "zod";

/** The part of cloud-init's configuration that the emulated machines act on; anything else is an error, never ignored. */
const commandSchema = z.union([z.string(), z.array(z.string())]);
const cloudConfigSchema = z.strictObject({
  bootcmd: z.array(commandSchema).default([]),
  write_files: z
    .array(
      z.strictObject({
        path: z.string().startsWith("/"),
        permissions: z
          .string()
          .regex(/^0[0-7]{3}$/)
          .default("0644"),
        content: z.string(),
      }),
    )
    .default([]),
  users: z
    .array(
      z.strictObject({
        name: z.string(),
        shell: z.string().optional(),
        groups: z.string().optional(),
        sudo: z.string().optional(),
        lock_passwd: z.boolean().optional(),
        ssh_authorized_keys: z.array(z.string()).default([]),
      }),
    )
    .default([]),
  disable_root: z.boolean().default(true),
  ssh_pwauth: z.literal(false).default(false),
  ssh_deletekeys: z.boolean().default(true),
  ssh_keys: z.strictObject({ ed25519_private: z.string(), ed25519_public: z.string() }).optional(),
  package_update: z.boolean().default(false),
  packages: z.array(z.string()).default([]),
  package_reboot_if_required: z.boolean().default(false),
  mounts: z.array(z.array(z.string().nullable())).default([]),
  runcmd: z.array(commandSchema).default([]),
});
export type CloudConfig = z.output<typeof cloudConfigSchema>;

/**
 * Reads user data as cloud-init would.
 *
 * @param userData decoded; "" is a machine that was told nothing
 * @throws Error for what isn't cloud-config, or says more than the emulated machines can do
 */
export function readCloudConfig(userData: string): CloudConfig {
  if (userData === "") return cloudConfigSchema.parse({});
  // Without this very line cloud-init takes the text for something else, and does nothing.
  if (!/^#cloud-config\s*\n/.test(userData)) throw new Error("user data that doesn't begin with #cloud-config");
  return cloudConfigSchema.parse(parse(userData) ?? {});
}

/**
 * Commands as cloud-init makes a script of them: a list is words, each quoted; a text is left as it is.
 *
 * @see cloudinit/util.py, shellify
 */
export const toShellScript = (commands: readonly (string | readonly string[])[]): string =>
  ["#!/bin/sh", ...commands.map((command) => (typeof command === "string" ? command : command.map(quote).join(" ")))]
    .join("\n")
    .concat("\n");

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
