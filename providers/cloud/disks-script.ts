/**
 * Swap and disks of a new machine: found, partitioned, formatted, mounted, and into /etc/fstab by UUID.
 *
 * Clouds name devices differently, and NVMe names change from boot to boot. So a data disk is known by its size (the
 * first one that is free, in the order of the definition), and a local one by its model: EC2 "…Instance Storage", Google
 * "nvme_card" and "EphemeralDisk", Azure "…Direct Disk" or the temporary disk behind its own link. Swap goes to the
 * first local disk, as a partition before the file system's; without one, into a file.
 *
 * Words: USER SWAP_MIB, then for each disk KIND(data|local) MIB(- for any) MOUNT(- for raw) FILE_SYSTEM.
 */
export const disksScript = String.raw`#!/bin/sh
set -eu
user=$1 swap=$2
shift 2
fail() { echo "reprise disks: $*" >&2; exit 1; }
uuid_of() { udevadm settle 2>/dev/null || :; blkid -s UUID -o value "$1"; }
enlist() { grep -qs "UUID=$1 " /etc/fstab || echo "UUID=$1 $2 $3 $4 0 $5" >> /etc/fstab; }

root_disks() { # everything that stands below /, partitions and disks
  lsblk -nrso NAME "$(findmnt -nro SOURCE /)" 2>/dev/null || :
}
azure_resource() {
  for link in /dev/disk/azure/resource /dev/disk/cloud/azure_resource; do
    [ ! -e "$link" ] || basename "$(readlink -f "$link")"
  done
}
is_local() { # NAME
  model=$(lsblk -dnro MODEL "/dev/$1" | sed 's/\\x20/ /g')
  case $model in
    *"Instance Storage"* | *EphemeralDisk* | *"Direct Disk"* | nvme_card | nvme_card[0-9]*) return 0 ;;
  esac
  azure_resource | grep -qx "$1"
}
taken=" $(root_disks | tr '\n' ' ')"
find_disk() { # KIND MIB: sets disk
  disk=
  for name in $(lsblk -dnro NAME,TYPE | awk '$2 == "disk" { print $1 }' | sort -V); do
    case $taken in *" $name "*) continue ;; esac
    [ "$(lsblk -dnbro SIZE "/dev/$name")" -gt 0 ] || continue
    if is_local "$name"; then [ "$1" = local ] || continue; else [ "$1" = data ] || continue; fi
    have=$(($(lsblk -dnbro SIZE "/dev/$name") / 1048576))
    # Clouds make whole GiB of what was asked for.
    if [ "$1" = local ] || [ "$2" = - ] || { [ "$have" -ge "$2" ] && [ "$have" -lt $(($2 + 1024)) ]; }; then
      disk=$name
      taken="$taken$name "
      return 0
    fi
  done
  return 1
}
wait_for_disk() { # a disk may be attached a little later than the machine starts
  tries=0
  until find_disk "$1" "$2"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "no $1 disk of $2 MiB was found: $(lsblk -dnro NAME,SIZE,MODEL | tr '\n' ';')"
    sleep 1
  done
}
partition() { lsblk -nro NAME,TYPE "/dev/$1" | awk '$2 == "part" { print $1 }' | sort -V | sed -n "$2p"; }
make_swap() { # DEVICE
  mkswap "$1" > /dev/null
  swapon "$1"
}

while [ $# -ge 4 ]; do
  kind=$1 mib=$2 mount=$3 type=$4
  shift 4
  wait_for_disk "$kind" "$mib"
  device=/dev/$disk
  for old in $(lsblk -nro MOUNTPOINT "$device" | grep . || :); do umount "$old"; done
  if [ "$kind" = local ] && [ "$swap" -gt 0 ]; then
    wipefs -qa "$device"
    printf 'label: gpt\nsize=%sMiB, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\ntype=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n' \
      "$swap" | sfdisk -q "$device"
    udevadm settle 2>/dev/null || :
    make_swap "/dev/$(partition "$disk" 1)"
    enlist "$(uuid_of "/dev/$(partition "$disk" 1)")" none swap sw,nofail 0
    swap=0
    device=/dev/$(partition "$disk" 2)
  fi
  [ "$mount" != - ] || continue
  case $type in
    xfs) mkfs.xfs -qf "$device" ;;
    *) mkfs.ext4 -qF -E nodiscard "$device" ;;
  esac
  mkdir -p "$mount"
  enlist "$(uuid_of "$device")" "$mount" "$type" defaults,nofail,noatime 2
  mount "$device" "$mount"
  chown "$user": "$mount"
done

if [ "$swap" -gt 0 ]; then
  file=/swapfile-reprise
  fallocate -l "$swap"M "$file" 2>/dev/null || dd if=/dev/zero of="$file" bs=1M count="$swap" 2>/dev/null
  chmod 600 "$file"
  # A file system whose files have holes refuses the quick way.
  make_swap "$file" 2>/dev/null || { dd if=/dev/zero of="$file" bs=1M count="$swap" 2>/dev/null; make_swap "$file"; }
  grep -qs "^$file " /etc/fstab || echo "$file none swap sw,nofail 0 0" >> /etc/fstab
fi
`;
