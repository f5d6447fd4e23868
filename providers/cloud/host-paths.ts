/** Where user data puts things on a host of a cloud; the supervisor's own folder is elsewhere, under the user's home. */
export const hostPaths = {
  /** Unix seconds; who rewrites it renews the host's life. */
  expiresAt: "/var/lib/reprise/expires-at",
  expiryKeeper: "/var/lib/reprise/expiry-keeper",
  disks: "/var/lib/reprise/disks",
  /** The boot id of the first boot, once everything that was asked for is there. */
  born: "/var/lib/reprise/born",
  apt: "/etc/apt/apt.conf.d/99reprise",
  sysctl: "/etc/sysctl.d/60-reprise.conf",
} as const;
