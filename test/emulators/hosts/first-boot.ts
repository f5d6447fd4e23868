/**
 * Everything that an emulated machine finds on its disk at power-on: its init, the stages of a stand-in cloud-init made
 * from its user data, and the commands that a real machine has and this one can't (shutdown, cloud-init's status).
 */
import type { CloudConfig } from "./cloud-config.ts";
import { toShellScript } from "./cloud-config.ts";

export interface BootFile {
  /** In the machine. */
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

export interface FirstBoot {
  readonly hostname: string;
  readonly instanceId: string;
  /** From the cloud itself (key pair, osProfile), for the image's default user. */
  readonly sshPublicKeys: readonly string[];
  readonly config: CloudConfig;
  /** Held back between the network stage, when SSH is up, and the final stage. */
  readonly finalDelaySec: number;
}

/** Exit code of a machine that shut itself down; init can't be killed from inside. */
export const poweredOffCode = 42;

export function firstBootFiles(boot: FirstBoot): BootFile[] {
  const { config } = boot;
  const users = config.users.map((user) => ({ ...user, keys: user.ssh_authorized_keys }));
  return [
    file("/vm/init", 0o755, init(boot)),
    file("/vm/bootcmd", 0o755, toShellScript(config.bootcmd)),
    file("/vm/runcmd", 0o755, toShellScript(config.runcmd)),
    file("/vm/final", 0o755, finalStage(config, boot.finalDelaySec)),
    file("/usr/bin/cloud-init", 0o755, cloudInit),
    file("/usr/sbin/shutdown", 0o755, "#!/bin/sh\nexec kill -TERM 1\n"),
    file("/usr/sbin/poweroff", 0o755, "#!/bin/sh\nexec kill -TERM 1\n"),
    file("/var/lib/cloud/data/instance-id", 0o644, `${boot.instanceId}\n`),
    file("/etc/hosts", 0o644, `127.0.0.1 localhost\n127.0.1.1 ${boot.hostname}\n`),
    file("/etc/ssh/sshd_config", 0o644, sshdConfig(config)),
    ...(config.ssh_keys === undefined
      ? []
      : [file("/etc/ssh/ssh_host_ed25519_key", 0o600, config.ssh_keys.ed25519_private)]),
    ...config.write_files.map((each) => file(each.path, Number.parseInt(each.permissions, 8), each.content)),
    ...users.map((user) => file(`/vm/keys/${user.name}`, 0o644, `${user.keys.join("\n")}\n`)),
    file("/vm/keys/.cloud", 0o644, `${boot.sshPublicKeys.join("\n")}\n`),
  ];
}

const file = (path: string, mode: number, text: string): BootFile => ({ path, mode, text });

/** Process 1: network stage, SSH, final stage, then waits for its end and buries orphans. */
const init = ({ hostname, config }: FirstBoot): string => `#!/bin/sh
trap 'exit ${poweredOffCode}' TERM
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
hostname ${word(hostname)}
mkdir -p /run/sshd /run/cloud-init
echo running > /run/cloud-init/stage
exec > /var/log/cloud-init-output.log 2>&1
sh /vm/bootcmd || echo "bootcmd failed" >> /run/cloud-init/errors
${config.users.map(addUser).join("\n")}
[ -s /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
/usr/sbin/sshd -D -e 2> /var/log/sshd.log < /dev/null &
sh /vm/final &
while :; do
  sleep 3600 &
  wait $!
done
`;

const addUser = (user: CloudConfig["users"][number]): string => {
  const name = word(user.name);
  // A star, not an exclamation mark: without PAM the latter is a locked account to sshd.
  const create =
    user.name === "root"
      ? ""
      : `id ${name} > /dev/null 2>&1 || useradd -m -s ${word(user.shell ?? "/bin/sh")} ${name}; usermod -p '*' ${name}`;
  const sudoers =
    user.sudo === undefined ? "" : `echo ${word(`${user.name} ${user.sudo}`)} > /etc/sudoers.d/90-cloud-init-users`;
  return `${create}
${sudoers}
home=$(getent passwd ${name} | cut -d: -f6)
mkdir -p "$home/.ssh" && cp /vm/keys/${name} "$home/.ssh/authorized_keys"
chmod 700 "$home/.ssh" && chown -R ${name}: "$home/.ssh"`;
};

/** Packages that this machine has are as good as installed; the others can't be had without a network. */
const finalStage = (config: CloudConfig, delaySec: number): string => `#!/bin/sh
${delaySec > 0 ? `sleep ${delaySec}` : ""}
cd /
for package in ${config.packages.map(word).join(" ")}; do
  dpkg -s "$package" > /dev/null 2>&1 && continue
  echo "E: Unable to locate package $package"
  echo "('package_update_upgrade_install', ProcessExecutionError(\\"E: Unable to locate package $package\\"))" >> /run/cloud-init/errors
done
sh /vm/runcmd || echo "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))" >> /run/cloud-init/errors
if [ -s /run/cloud-init/errors ]; then echo error; else echo done; fi > /run/cloud-init/stage.new
mv /run/cloud-init/stage.new /run/cloud-init/stage
`;

/** \`cloud-init status --format=json\`, in the shape and with the exit codes of cloud-init 24. */
const cloudInit = `#!/bin/sh
[ "$1 $2" = "status --format=json" ] || { echo "not emulated: cloud-init $*" >&2; exit 64; }
stage=$(cat /run/cloud-init/stage)
errors=$(sed 's/\\\\/\\\\\\\\/g; s/"/\\\\"/g; s/.*/"&"/' /run/cloud-init/errors 2>/dev/null | paste -sd, -)
printf '{\\n "boot_status_code": "enabled-by-generator",\\n "detail": "",\\n "errors": [%s],\\n "extended_status": "%s",\\n "recoverable_errors": {},\\n "status": "%s"\\n}\\n' "$errors" "$stage" "$stage"
[ "$stage" != error ]
`;

const sshdConfig = (config: CloudConfig): string =>
  [
    "Port 22",
    "HostKey /etc/ssh/ssh_host_ed25519_key",
    `PermitRootLogin ${config.disable_root ? "no" : "prohibit-password"}`,
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UsePAM no",
    "UseDNS no",
    "PidFile none",
    "MaxStartups 200:30:400",
    "",
  ].join("\n");

const word = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
