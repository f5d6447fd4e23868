#!/usr/bin/env bash
# Installs what the tests named *.extra.test.ts need beyond Node and npm, on Debian or Ubuntu as root.
set -euo pipefail
packages=(openssh-server openssh-client iproute2 util-linux procps sudo hostname busybox redis-server redis-tools chromium python3-venv curl git podman catatonit)
# Containers need a runtime: Docker's package brings runc, and crun doesn't know old or hybrid control groups.
command -v runc >/dev/null || packages+=(runc)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
echo "installing ${missing[*]}"
# Packages that come with a service of their own: the tests start their own, on ports of their own.
if [ -d /run/systemd/system ]; then systemctl mask prometheus.service prometheus-node-exporter.service; fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
