#!/bin/sh
# reprise's supervisor: runs one host's steps, keeps their records on disk, reports until somebody acknowledges.
#
# Called as `sh ROOT/supervisor.sh VERB ...`; everything lives below ROOT, its own records in ROOT/.state. A step gets a
# runner of its own in its own session, so that the caller, its connection and the control side may all die. The runner
# sleeps on a FIFO; files are the truth and lines in the FIFO only wake it. docs/supervisor.md has verbs, files and wire
# format. POSIX sh (dash, bash --posix, busybox) on Linux: no `local`, so variables carry a prefix for their function.

set -u
umask 022
LC_ALL=C
export LC_ALL

case $0 in */*) cd -P "${0%/*}" || exit 71 ;; *) cd -P . || exit 71 ;; esac
ROOT=$PWD
SELF=$ROOT/supervisor.sh
S=$ROOT/.state
# This process, also where it is a fork of another one: `$$` would be the other.
ME=$$
IFS=' 	
'
BOOT=
read -r BOOT 2>/dev/null </proc/sys/kernel/random/boot_id

# Exit codes that the control side reads.
EX_USAGE=64 EX_TORN=65 EX_UNKNOWN=66 EX_FOREIGN=69 EX_DEFECT=70 EX_BUSY=75
# Only among our own processes: what was asked is answered.
EX_SAID=99

# Not echo: dash's reads escapes into what it prints.
say() { printf '%s\n' "$*"; }

die() { # CODE MESSAGE
  printf 'reprise: %s\n' "$2" >&2
  [ -z "${LOCKED:-}" ] || rm -f "$S/lock"
  exit "$1"
}

# --- Small tools ------------------------------------------------------------------------------------------------------

uptime_ms() { # sets UPTIME, a clock that never steps
  read -r UPTIME _ </proc/uptime
  up_fraction=${UPTIME#*.}
  UPTIME=$((${UPTIME%.*} * 1000 + 1$up_fraction * 10 - 1000))
}

now() { # sets NOW: ms since the epoch
  case ${CLOCK:-} in
    bash) NOW=${EPOCHREALTIME%[.,]*}${EPOCHREALTIME#*[.,]} NOW=${NOW%???} ;;
    date) NOW=$(date +%s%N) NOW=${NOW%??????}; keep_offset ;;
    uptime) uptime_ms; NOW=$((UPTIME + CLOCK_OFFSET)) ;;
    *) find_clock ;;
  esac
}

# For what needn't be exact: the date costs a process, the uptime, in steps of 10 ms, does not. Clocks are set, so that
# what is known of the offset grows old.
about_now() { # sets NOW
  uptime_ms
  if [ -z "${CLOCK:-}" ] && { read -r CLOCK_OFFSET CLOCK_SEEN <"$S/offset.$BOOT"; } 2>/dev/null; then CLOCK=date; fi
  if [ "${CLOCK:-}" = date ] && [ $((UPTIME - CLOCK_SEEN)) -lt 10000 ]; then NOW=$((UPTIME + CLOCK_OFFSET)); else now; fi
}

keep_offset() { # of NOW; also for other processes of this root
  uptime_ms
  CLOCK_OFFSET=$((NOW - UPTIME)) CLOCK_SEEN=$UPTIME
  { echo "$CLOCK_OFFSET $CLOCK_SEEN" >"$S/offset.$BOOT"; } 2>/dev/null
}

# busybox's date knows no nanoseconds: there the offset of the uptime is measured where a second begins, and kept.
find_clock() { # sets CLOCK and NOW
  if [ -n "${EPOCHREALTIME:-}" ]; then CLOCK=bash; now; return; fi
  NOW=$(date +%s%N)
  case $NOW in *[!0-9]*) ;; ?????????????????*) CLOCK=date NOW=${NOW%??????}; keep_offset; return ;; esac
  CLOCK=uptime CLOCK_OFFSET=
  { read -r CLOCK_OFFSET <"$S/clock.$BOOT"; } 2>/dev/null
  fc_sec=$(date +%s)
  if [ -n "$CLOCK_OFFSET" ]; then
    uptime_ms
    fc_error=$((fc_sec * 1000 - UPTIME - CLOCK_OFFSET))
    if [ "$fc_error" -lt 100 ] && [ "$fc_error" -gt -1100 ]; then now; return; fi
  fi
  while fc_next=$(date +%s); [ "$fc_next" = "$fc_sec" ]; do :; done
  uptime_ms
  CLOCK_OFFSET=$((fc_next * 1000 - UPTIME))
  if [ -d "$S" ]; then echo "$CLOCK_OFFSET" >"$S/clock.$BOOT"; fi
  NOW=$((UPTIME + CLOCK_OFFSET))
}

# Before the shell reads on: clocks are measured by the fastest round trip.
if [ "${1:-}" = clock ]; then
  now
  echo "{\"kind\":\"clock\",\"now\":$NOW}"
  exit
fi

to_sec() { # MS: sets SEC, for sleep
  if [ "$1" -le 0 ]; then SEC=0; return; fi
  ts_ms=00$(($1 % 1000))
  SEC=$(($1 / 1000)).${ts_ms#"${ts_ms%???}"}
}

shq() { # TEXT: sets Q to one shell word
  shq_rest=$1 Q=
  while :; do
    case $shq_rest in
      *\'*) Q="$Q${shq_rest%%\'*}'\\''" shq_rest=${shq_rest#*\'} ;;
      *) Q="'$Q$shq_rest'"; return ;;
    esac
  done
}

json() { # TEXT: sets J to a JSON string
  case $1 in
    *[!A-Za-z0-9\ ._:/=+@,\;\(\)-]*)
      J=$(printf '%s\n' "$1" | awk '
        BEGIN { for (i = 0; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i); code["\177"] = "\\u007f"
                code["\""] = "\\\""; code["\\"] = "\\\\"; printf "\"" }
        { if (NR > 1) printf "\\n"
          for (i = 1; i <= length($0); i++) { c = substr($0, i, 1); printf "%s", (c in code) ? code[c] : c } }
        END { printf "\"" }') ;;
    *) J=\"$1\" ;;
  esac
}

sha256_list() { # paths on stdin, one a line: "digest path" lines, paths as given
  if command -v sha256sum >/dev/null; then with_paths sha256sum
  elif command -v openssl >/dev/null; then with_paths openssl dgst -sha256 -r
  else with_paths shasum -a 256
  fi
}

with_paths() { # COMMAND...: with the paths on stdin as arguments; xargs starts only beyond a hundred
  wp_paths= wp_n=0
  while [ $wp_n -lt 100 ] && read -r wp_path; do wp_paths="$wp_paths $wp_path" wp_n=$((wp_n + 1)); done
  # shellcheck disable=SC2086 # names were checked: nothing in them can fall apart
  if [ $wp_n -gt 0 ]; then "$@" $wp_paths; fi
  if [ $wp_n = 100 ] && read -r wp_path; then { echo "$wp_path"; cat; } | xargs "$@"; fi
}

sha256_stdin() { # sets SHA
  if command -v sha256sum >/dev/null; then SHA=$(sha256sum)
  elif command -v openssl >/dev/null; then SHA=$(openssl dgst -sha256 -r)
  else SHA=$(shasum -a 256)
  fi
  SHA=${SHA%% *}
}
sha256() { SHA=; [ -f "$1" ] && sha256_stdin <"$1"; } # FILE

size_of() { # FILE: sets SIZE
  SIZE=0
  if [ ! -s "$1" ]; then [ -f "$1" ]; return; fi
  # shellcheck disable=SC2012 # the one portable way to a size that doesn't read the file
  SIZE=$(ls -ln "$1" | awk '{ print $5; exit }')
}

# A record is whole or empty, since what fits a page is written at once: readers take an empty one for none. On a full
# disk the reserve makes room; while even that is gone, it waits for some.
record() { # FILE TEXT
  rc_n=0
  until { echo "$2" >"$1"; } 2>/dev/null; do
    rm -f "$S/reserve"
    rc_n=$((rc_n + 1))
    [ $rc_n -lt 600 ] || return 1
    if [ $rc_n -gt 1 ]; then sleep 0.1; fi
  done
}

check_name() { # a step's id: one path segment
  case $1 in '' | .* | -* | *[!A-Za-z0-9._=+@-]*) die $EX_USAGE "not a step: $1" ;; esac
}
check_path() { # below ROOT, without detours, not our own records
  case /$1/ in
    // | /.state/* | */../* | */./* | *//* | *[!A-Za-z0-9._=+@/-]*) die $EX_USAGE "not a path below the root: $1" ;;
  esac
}
check_number() { case $1 in '' | *[!0-9]*) die $EX_USAGE "not a number: $1" ;; esac }

make_reserve() { # room for the last records when the disk is full
  [ -f "$S/reserve" ] || dd if=/dev/zero of="$S/reserve" bs=1024 count=256 2>/dev/null || rm -f "$S/reserve"
}

# What a launcher is: a shell in the session and the cgroup that a unit will have, which waits to be told of that unit.
# shellcheck disable=SC2016 # the inner shell's
LAUNCHER='# FOLDER CGROUP BOOT
exec 3<>"$1/fifo"
[ ! -f "$1/claim" ] || exit
grouped=$2
{ echo $$ >"$grouped/cgroup.procs"; } 2>/dev/null || exit
read -r stat </proc/self/stat
boot=$3 folder=$1
set -- ${stat##*) }
echo "$$.${20}.$boot" >"$folder/owner"
read -r REPRISE_START_AT launch <&3
[ -n "$launch" ] || exit
export REPRISE_START_AT
exec 3>&-
unset stat boot folder
. "$launch"'

init_state() {
  if [ ! -f "$S/id" ]; then
    mkdir -p "$S/steps" "$S/names" "$S/attempts" "$S/launchers" "$S/tmp" "$S/bin" "$ROOT/facts" ||
      die $EX_DEFECT "can't write below $ROOT"
    chmod 711 "$S" "$S/steps"
    read -r is_id </proc/sys/kernel/random/uuid
    echo "$is_id" >"$S/tmp/id.$$"
    ln "$S/tmp/id.$$" "$S/id" 2>/dev/null # whoever is first names the root
    rm -f "$S/tmp/id.$$"
    shq "$SELF"
    printf '#!/bin/sh\nexec sh %s unit "$@"\n' "$Q" >"$S/bin/reprise-unit"
    chmod 755 "$S/bin/reprise-unit"
    printf '%s\n' "$LAUNCHER" >"$S/bin/launcher"
    make_reserve
  fi
  read -r ID <"$S/id"
}

# --- Who is who: a process is its pid, start time and boot, so that a reused pid is never trusted -----------------------

ident() { # PID: sets IDENT, fails for what is gone or a zombie
  { read -r id_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086 # fields
  set -- "$1" ${id_stat##*) }
  case $2 in Z | X) return 1 ;; esac
  IDENT=$1.${21}
}

know_me() { # in a fork, which has another pid than `$$`: sets ME, MY_IDENT and MY_SESSION
  read -r km_stat </proc/self/stat
  ME=${km_stat%% *}
  # shellcheck disable=SC2086 # fields
  set -- ${km_stat##*) }
  MY_IDENT=$ME.${20} MY_SESSION=$4
}

owner_of() { # FILE: sets OWNER and OWNER_PID; true when that process lives
  OWNER_PID= OWNER=
  { read -r OWNER <"$1"; } 2>/dev/null || return 1
  OWNER_PID=${OWNER%%.*}
  ident "$OWNER_PID" && [ "$OWNER" = "$IDENT.$BOOT" ]
}

# Becomes the owner of FILE unless a living process is. noclobber makes exactly one of several the owner; a dead owner's
# file is taken away by exactly one too: the one that makes the folder named after that owner.
try_own() { # FILE
  case ${MY_IDENT:-} in "$ME".*) ;; *) ident "$ME"; MY_IDENT=$IDENT ;; esac
  to_me=$MY_IDENT.$BOOT to_n=0
  until set -C; { echo "$to_me" >"$1"; } 2>/dev/null && set +C; do
    set +C
    owner_of "$1" && return 1
    # Empty for an instant while it is being made, for ever only if its maker died right then.
    if [ -z "$OWNER" ] && [ $to_n -ge 50 ]; then OWNER=nobody; fi
    if [ -n "$OWNER" ] && mkdir "$S/tmp/${1##*/}.$OWNER" 2>/dev/null; then
      rm -f "$1"
      if [ "$OWNER" = nobody ]; then rmdir "$S/tmp/${1##*/}.nobody"; fi
      continue
    fi
    to_n=$((to_n + 1))
    [ $to_n -lt 100 ] || return 1
    sleep 0.02
  done
}

lock() {
  if [ -n "${SESSION:-}" ]; then know_me; fi # a verb of a session is a fork
  lk_n=0
  until try_own "$S/lock"; do
    lk_n=$((lk_n + 1))
    [ $lk_n -lt 250 ] || die $EX_BUSY "another call holds the lock"
    sleep 0.02
  done
  LOCKED=1
}
unlock() {
  [ -z "${LOCKED:-}" ] || rm -f "$S/lock"
  LOCKED=
}

post() { # FIFO WORDS: never blocks, since it opens both ends
  if [ -p "$1" ]; then { echo "$2" 1<>"$1"; } 2>/dev/null; fi
}

notify() {
  for nf_fifo in "$D"/waiters/*; do post "$nf_fifo" wake; done
  if read_step "$S/names/$STEP" && [ -n "$RS_SESSION" ]; then post "$S/sessions/$RS_SESSION/in" "0 wake"; fi
  if [ -f "$D/sessions" ]; then while read -r nf_fifo; do post "$nf_fifo" "0 wake"; done <"$D/sessions"; fi
}

# Runs an inner verb of this script, free of everything that the caller holds: session, descriptors, markers, cgroup.
spawn() {
  (
    unset REPRISE_MARKER
    REPRISE_RUNNER="$ID:$*;"
    export REPRISE_RUNNER
    trap '' HUP
    if command -v setsid >/dev/null; then exec setsid sh "$SELF" "$@"; else exec sh "$SELF" "$@"; fi
  ) </dev/null >>"$S/log" 2>&1 3>&- 4>&- 5>&- &
}

enter() { # what every spawned verb does first
  init_state
  find_cgroup
  if [ "$CG" != - ]; then { echo "$ME" >"$CG/supervisor/cgroup.procs"; } 2>/dev/null; fi
  # The kernel should rather kill what is measured than what reports it; allowed for root alone.
  { echo -900 >/proc/self/oom_score_adj; } 2>/dev/null
}

# --- Processes of units: found by cgroup, session, and a marker in the environment ----------------------------------

# Sets CG and CGM: our cgroup v2 folder, and where memory limits go (the same, or a v1 memory group on older hosts).
find_cgroup() {
  CG=- CGM=- CPUSETS=/sys/fs/cgroup/cpuset/reprise-$ID
  if { read -r fc_boot CG CGM _ <"$S/cgroup"; } 2>/dev/null && [ "$fc_boot" = "$BOOT" ]; then return; fi
  CG=- CGM=-
  for fc_top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    [ -f "$fc_top/cgroup.procs" ] && [ -f "$fc_top/cgroup.controllers" ] || continue
    mkdir -p "$fc_top/reprise-$ID/supervisor" 2>/dev/null || continue
    # Some containers show a tree that takes no processes.
    sh -c 'echo $$ >"$1"' sh "$fc_top/reprise-$ID/supervisor/cgroup.procs" 2>/dev/null || continue
    CG=$fc_top/reprise-$ID
    { echo +memory >"$fc_top/cgroup.subtree_control"; } 2>/dev/null
    { echo +memory >"$CG/cgroup.subtree_control"; } 2>/dev/null
    case " $(cat "$CG/cgroup.subtree_control" 2>/dev/null) " in *' memory '*) CGM=$CG ;; esac
    break
  done
  if [ "$CGM" = - ] && mkdir -p "/sys/fs/cgroup/memory/reprise-$ID" 2>/dev/null; then
    if [ -f "/sys/fs/cgroup/memory/reprise-$ID/memory.limit_in_bytes" ]; then CGM=/sys/fs/cgroup/memory/reprise-$ID; fi
  fi
  # Whoever removes a host without us removes what is noted here.
  echo "$BOOT $CG $CGM $CPUSETS" >"$S/cgroup"
}

marked() { # PREFIX: sets MARKED to the pids whose environment carries a marker of this root that begins so
  MARKED=
  for mk_pid in $(grep -l -F -e "REPRISE_MARKER=$ID:$1" /proc/[0-9]*/environ 2>/dev/null); do
    mk_pid=${mk_pid#/proc/}
    MARKED="$MARKED ${mk_pid%/environ}"
  done
}

cgroup_pids() { # FOLDER: sets CG_PIDS
  CG_PIDS=
  while read -r cp_pid; do CG_PIDS="$CG_PIDS $cp_pid"; done 2>/dev/null <"$1/cgroup.procs"
}

in_session() { # LEADER-PID
  cat /proc/[0-9]*/stat 2>/dev/null |
    awk -v s="$1" '{ pid = $1; sub(/^.*\) /, ""); if ($4 == s && $1 != "Z" && $1 != "X") print pid }'
}

unit_pids() { # UNIT-FOLDER: sets PIDS
  PIDS=
  [ -f "$1/marker" ] || return
  read -r up_marker up_cg <"$1/marker"
  up_pid= up_start=
  { read -r up_pid up_start <"$1/pid"; } 2>/dev/null
  # A leader that isn't the one we started means a reused pid: then nothing is known of its session.
  if [ -n "$up_pid" ] && ident "$up_pid" && [ "$IDENT" != "$up_pid.$up_start" ]; then up_pid=; fi
  marked "$up_marker"
  # Only root can move a process out of its cgroup, and then its marker tells.
  if [ "$up_cg" != - ] && [ -f "$CG/$up_cg/cgroup.procs" ]; then
    cgroup_pids "$CG/$up_cg"
    up_all="$MARKED $CG_PIDS $up_pid"
  else up_all="$MARKED ${up_pid:+$(in_session "$up_pid")}"; fi
  for up_pid in $up_all; do
    case "$PIDS " in *" $up_pid "*) continue ;; esac
    [ "$up_pid" = "$ME" ] || ! ident "$up_pid" || PIDS="$PIDS $up_pid"
  done
}

grouped_pids() { # UNIT-FOLDER: sets PIDS to those of its cgroup; false without one, or where it is empty
  read -r _ gp_cg <"$1/marker"
  [ "$gp_cg" != - ] && [ "$CG" != - ] && [ -f "$CG/$gp_cg/cgroup.procs" ] || return 1
  cgroup_pids "$CG/$gp_cg"
  PIDS=$CG_PIDS
  [ -n "$PIDS" ]
}

# Whether an ended unit may have left something: its cgroup knows at once; without one, only a search does.
has_leftovers() { # UNIT-FOLDER
  read -r _ hl_cg <"$1/marker"
  if [ "$hl_cg" != - ] && [ "$CG" != - ] && [ -f "$CG/$hl_cg/cgroup.procs" ]; then
    { read -r _ <"$CG/$hl_cg/cgroup.procs"; } 2>/dev/null
    return
  fi
  unit_pids "$1"
  [ -n "$PIDS" ]
}

is_running() { [ -f "$1/started" ] && [ ! -s "$1/ended" ]; } # UNIT-FOLDER
is_unborn() { is_running "$1" && [ ! -s "$1/pid" ]; } # UNIT-FOLDER: its process is there in an instant, or never

leader_lives() { # UNIT-FOLDER
  ll_pid= ll_start=
  { read -r ll_pid ll_start <"$1/pid"; } 2>/dev/null
  [ -n "$ll_pid" ] && ident "$ll_pid" && [ "$IDENT" = "$ll_pid.$ll_start" ]
}

signal_all() { # SIGNAL PIDS...
  sa_signal=$1
  shift
  for sa_pid; do kill -s "$sa_signal" "$sa_pid" 2>/dev/null; done
}

# Stopping is two steps, so that many units can end side by side.
stop_begin() { # UNIT-FOLDER WHY [SIGNAL]
  read -r sb_signal _ <"$1/stop"
  sb_signal=${3:-$sb_signal}
  if is_running "$1" && [ ! -f "$1/why" ]; then echo "$2" >"$1/why"; fi
  sb_n=0
  while is_unborn "$1" && [ $sb_n -lt 250 ]; do sleep 0.004; sb_n=$((sb_n + 1)); done
  # What left its group is found, by a search of the host, before the unit counts as stopped.
  grouped_pids "$1" || unit_pids "$1"
  # shellcheck disable=SC2086 # a list
  signal_all "$sb_signal" $PIDS
  # shellcheck disable=SC2086
  if [ "$sb_signal" != KILL ]; then signal_all CONT $PIDS; fi # a paused service can't hear a TERM
}

stop_finish() { # UNIT-FOLDER [GRACE_MS]: KILL after the grace; true when nothing is left
  read -r sf_signal sf_grace <"$1/stop"
  sf_grace=${2:-$sf_grace}
  sf_pause=4 sf_left=$sf_grace sf_gone= sf_told=
  if [ -n "${BY_EVENT:-}" ] && [ "$sf_grace" -gt 0 ]; then await_end "$1"; fi
  while [ "$sf_left" -gt 0 ]; do
    if ! leader_lives "$1"; then
      unit_pids "$1"
      if [ -z "$PIDS" ]; then sf_gone=1; break; fi
      if [ -z "$sf_told" ] && [ "$CG" != - ] && [ "$sf_grace" -gt 0 ]; then
        # Some may have left its group, and heard nothing yet.
        sf_told=1
        # shellcheck disable=SC2086 # a list
        signal_all "$sf_signal" $PIDS
      fi
    fi
    to_sec $sf_pause
    sleep "$SEC"
    sf_left=$((sf_left - sf_pause))
    if [ $sf_pause -lt 80 ]; then sf_pause=$((sf_pause * 2)); fi
  done
  sf_n=0
  while [ -z "$sf_gone" ] && { unit_pids "$1"; [ -n "$PIDS" ]; }; do
    sf_n=$((sf_n + 1))
    [ $sf_n -lt 100 ] || break
    read -r _ sf_cg <"$1/marker"
    if [ "$sf_cg" != - ]; then { echo 1 >"$CG/$sf_cg/cgroup.kill"; } 2>/dev/null; fi
    # shellcheck disable=SC2086
    signal_all KILL $PIDS
    sleep 0.02
  done
  # Its keeper still has to write down how it ended.
  sf_n=0
  while is_running "$1" && [ $sf_n -lt 250 ]; do sleep 0.004; sf_n=$((sf_n + 1)); done
  if [ -z "$PIDS" ]; then [ "${step_stops:-}" = all ] || drop_cgroup "$1"; return 0; fi # there all go at once
  warn "${1##*/}: still running after KILL: pid$PIDS"
  return 1
}

await_end() { # UNIT-FOLDER: of a runner that its keeper tells; sets sf_left to what is left of the grace
  uptime_ms
  ae_end=$((UPTIME + sf_grace))
  alarm "$sf_grace" grace
  while is_running "$1" && [ $UPTIME -lt $ae_end ]; do
    next_event
    uptime_ms
  done
  drop_alarm grace
  sf_left=$((ae_end > UPTIME ? ae_end - UPTIME : 0))
}

stop_unit() { stop_begin "$1" "$2" "${3:-}"; stop_finish "$1" "${4:-}"; } # UNIT-FOLDER WHY [SIGNAL [GRACE_MS]]

drop_cgroup() { # UNIT-FOLDER; those of launchers go later
  read -r _ dc_cg <"$1/marker"
  case $dc_cg in
    - | l.*) ;;
    *) rmdir -- "$CG/$dc_cg" "$CGM/$dc_cg" "$CPUSETS/$dc_cg" 2>/dev/null ;;
  esac
  return 0
}

warn() { say "$*" >>"$D/warnings"; }

# --- Steps on disk ------------------------------------------------------------------------------------------------------

# A step's folder was made before the step was known. A record named after the step says which it is; from its writing on,
# which is one write, the step is there. Its first line is short, since shells read byte by byte: the folder, and - or, once
# acknowledged, a. Then come the step's epoch, attempt, attempt folder, and the session that wants to hear of it.
read_step() { # RECORD: sets RS_STEP, RS_F, RS_D and what it says; false where there is none
  RS_F= RS_STEP=${1##*/}
  { read -r RS_F RS_STATE && read -r RS_EPOCH RS_ATTEMPT RS_DIR RS_SESSION; } 2>/dev/null <"$1"
  RS_D=$S/steps/${RS_F:-none}
  [ -n "$RS_F" ] && [ -f "$RS_D/step.sh" ]
}

# What can be seen without reading is looked at first: a shell reads byte by byte, and these are many.
step_of() { # FOLDER'S PATH: as read_step, of the step whose folder it is
  [ -f "$1/step.sh" ] || return 1
  { read -r _; read -r so_line; } <"$1/step.sh"
  so_line=${so_line#step_id=?}
  read_step "$S/names/${so_line%?}" && [ "$RS_D" = "$1" ]
}

find_step() { # STEP: sets F, a folder's name, and D; false where no such step was armed
  F=
  { read -r F _; } 2>/dev/null <"$S/names/$1"
  D=$S/steps/${F:-none}
  [ -f "$D/step.sh" ]
}

open_step() { # FOLDER: sets STEP, F, D, K, A and the step_* and uN_* variables
  F=$1 D=$S/steps/$1
  [ -f "$D/step.sh" ] || return 1
  # shellcheck source=/dev/null
  . "$D/step.sh"
  STEP=$step_id K=$S/attempts/$step_key A=$ROOT/$step_dir
}

older_than_me() { # EPOCH ATTEMPT
  [ "$1" -lt "$step_epoch" ] || { [ "$1" -eq "$step_epoch" ] && [ "$2" -lt "$step_attempt" ]; }
}

is_over() { [ -s "$1/result.json" ] || [ -s "$1/superseded" ]; } # STEP-FOLDER

# A step whose runner is gone gets another, which finds out how far it came; a pusher likewise.
revive() { # STEP
  read_step "$S/names/$1" || return 0
  rv=$RS_D
  if [ ! -s "$rv/superseded" ]; then
    if [ ! -s "$rv/result.json" ] || [ -s "$rv/runner" ]; then
      owner_of "$rv/runner" || spawn _run "$RS_F"
    fi
    if [ -f "$rv/push" ] && [ ! -f "$rv/acknowledged" ]; then owner_of "$rv/pusher" || spawn _push "$RS_F"; fi
  fi
}

# --- Units --------------------------------------------------------------------------------------------------------------

load_unit() { # INDEX
  I=$1
  eval "U_NAME=\$u${I}_name U_KIND=\$u${I}_kind U_WORK=\$u${I}_work U_USER=\$u${I}_user U_CPUS=\$u${I}_cpus
        U_TIMEOUT=\$u${I}_timeout U_LOG=\$u${I}_log U_MEMORY=\$u${I}_memory U_SWAP=\$u${I}_swap"
  case $U_WORK in /*) ;; .) U_WORK=$A ;; *) U_WORK=$A/$U_WORK ;; esac
  U=$D/units/$U_NAME
}

get() { eval "V=\$u${1}_$2"; } # INDEX FIELD: sets V

find_own() ( find_unit "$1" ) # NAME, without a trace

find_unit() { # NAME: sets I
  I=1
  while [ "$I" -le "$step_units" ]; do
    get "$I" name
    if [ "$V" = "$1" ]; then return 0; fi
    I=$((I + 1))
  done
  return 1
}

# Writes FOLDER/script and FOLDER/launch, which becomes that script in the loaded unit's surroundings. The environment
# is set by the launch itself: nothing of it is ever an argument.
write_launch() { # FOLDER SCRIPT OUT ERR MARKER-SUFFIX
  wl_marker="$step_epoch.$step_attempt:$STEP:$5" wl_cg=- wl_cpuset=
  umask 077
  printf '%s\n' "$2" >"$1/script"
  umask 022
  if [ "$CG" != - ] || [ "$CGM" != - ] || { [ -n "$U_CPUS" ] && [ -d "${CPUSETS%/*}" ]; }; then
    unit_cgroup
    wl_cg=$V
    # Noted, since a look at the groups themselves waits while one is being made.
    case $V in l.*) ;; *) echo 1 >"$S/grouped" ;; esac
    if [ "$CG" != - ] && [ ! -d "$CG/$wl_cg" ]; then mkdir -p "$CG/$wl_cg" 2>/dev/null; fi
    if [ -n "$U_MEMORY" ]; then set_memory_limit "$wl_cg"; fi
    if [ -n "$U_CPUS" ]; then set_cpus "$wl_cg"; wl_cpuset=$CPUSET; fi
  elif [ -n "$U_MEMORY" ]; then
    warn "$U_NAME: no memory limit: this host has no cgroup that we may write"
  fi
  echo "$wl_marker $wl_cg" >"$1/marker"

  wl_first= wl_rest=
  { IFS= read -r wl_first <"$1/script"; } 2>/dev/null
  shq "$1/script"
  wl_script=$Q
  case $wl_first in
    '#!'*) # as the kernel does it: one interpreter, at most one argument; also where the disk is mounted noexec
      wl_first=${wl_first#??} wl_first=${wl_first#"${wl_first%%[! ]*}"}
      case $wl_first in
        *' '*) wl_rest=${wl_first#* } wl_first=${wl_first%% *}; shq "$wl_rest"; wl_rest=" $Q" ;;
      esac
      shq "$wl_first"
      wl_run="$Q$wl_rest $wl_script"
      ;;
    *) wl_run="sh $wl_script" ;;
  esac
  wl_run="$HEED $wl_run"
  if [ -n "$U_CPUS" ]; then
    # Also within a cpuset: the one holds if the other is refused at the last moment.
    if command -v taskset >/dev/null; then wl_run="taskset -c $U_CPUS $wl_run" wl_pinned=taskset
    else
      wl_pinned=nothing
      if [ -z "$wl_cpuset" ]; then
        warn "$U_NAME: not bound to CPUs $U_CPUS: this host has no taskset, and no cpuset that we may write"
      fi
    fi
  fi
  if [ -n "$U_USER" ]; then
    wl_group=$(id -g "$U_USER" 2>/dev/null) || { fail invalid "$U_NAME: this host has no user $U_USER"; return; }
    if [ "$(id -un)" != "$U_USER" ]; then
      if [ "$(id -u)" != 0 ]; then fail invalid "$U_NAME: only root can start it as $U_USER"; return; fi
      chown "$U_USER" "$1/script" && chmod 711 "$D" "$D/units" "$1"
      chown "$U_USER" "$U_WORK"
      if command -v setpriv >/dev/null && setpriv --version >/dev/null 2>&1; then
        wl_run="setpriv --reuid=$U_USER --regid=$wl_group --init-groups $wl_run"
      else
        shq "exec $wl_run"
        wl_run="su -s /bin/sh $U_USER -c $Q"
      fi
    fi
  fi
  umask 077
  {
    # The shell reads its own start time, so that the record is there before the script is.
    shq "$1/pid"
    printf 'read -r stat </proc/self/stat\nset -- ${stat##*) }\necho "$$ ${20}" >%s\n' "$Q"
    if [ "$wl_cg" != - ] && [ "$CG" != - ]; then
      # A move to where it is already would have it wait all the same.
      printf '[ "${grouped:-}" = %s ] || { echo $$ >%s; } 2>/dev/null\nunset grouped\n' "$CG/$wl_cg" "$CG/$wl_cg/cgroup.procs"
    fi
    if [ -n "$U_MEMORY" ] && [ "$CGM" != - ] && [ "$CGM" != "$CG" ]; then
      printf '{ echo $$ >%s; } 2>/dev/null\n' "$CGM/$wl_cg/cgroup.procs"
    fi
    if [ -n "$U_CPUS" ]; then
      # What holds it there, and where the kernel says that it may run.
      shq "$1/pinned"
      printf 'set -- %s\n' "$wl_pinned"
      if [ -n "$wl_cpuset" ]; then printf '{ echo $$ >%s && set -- cpuset; } 2>/dev/null\n' "$wl_cpuset/cgroup.procs"; fi
      printf 'while read -r key value; do [ "$key" != Cpus_allowed_list: ] || break; done </proc/self/status\n'
      printf 'case $1 in taskset) value=%s ;; esac\necho "$1 $value" >%s\nunset key value\n' "$U_CPUS" "$Q"
    fi
    printf '{ echo 0 >/proc/self/oom_score_adj; } 2>/dev/null\n'
    shq "$3"; wl_out=$Q
    shq "$4"
    printf 'exec >>%s 2>>%s </dev/null\n' "$wl_out" "$Q"
    printf 'unset LC_ALL REPRISE_RUNNER\nLANG=C.UTF-8\n: "${HOME:=/}"\nexport LANG HOME\n'
    shq "$S/bin"; printf 'PATH=%s:${PATH:-/usr/local/bin:/usr/bin:/bin}\nexport PATH\n' "$Q"
    for wl_pair in "RUN=$step_run" "HOST=$step_host" "ROOT=$ROOT" "ATTEMPT_DIR=$A" "STEP=$STEP" "UNIT=$U_NAME" \
      "EPOCH=$step_epoch" "ATTEMPT=$step_attempt" "FACTS=$ROOT/facts" "STATE=$step_key"; do
      shq "${wl_pair#*=}"
      printf 'export REPRISE_%s=%s\n' "${wl_pair%%=*}" "$Q"
    done
    if [ -n "$U_USER" ]; then
      # Names were checked: a tilde is the one portable way to another user's home.
      eval "shq ~$U_USER"
      printf 'export HOME=%s USER=%s LOGNAME=%s\n' "$Q" "$U_USER" "$U_USER"
    fi
    eval "printf '%s\n' \"\$u${I}_env\""
    # Last, so that nothing can hide from us by a variable of its own.
    printf 'export REPRISE_MARKER=%s\n' "$ID:$wl_marker"
    shq "$U_WORK"
    printf 'cd %s || exit 126\nexec %s\n' "$Q" "$wl_run"
  } >"$1/launch"
  umask 022
}

set_memory_limit() { # CGROUP-NAME
  if [ "$CGM" = - ]; then
    warn "$U_NAME: no memory limit: this host has no memory cgroup that we may write"
  elif [ "$CGM" = "$CG" ]; then
    { echo "$U_MEMORY" >"$CGM/$1/memory.max" && echo "${U_SWAP:-0}" >"$CGM/$1/memory.swap.max"; } 2>/dev/null ||
      warn "$U_NAME: the kernel took not all of its memory limit"
  else
    mkdir -p "$CGM/$1" 2>/dev/null
    { echo "$U_MEMORY" >"$CGM/$1/memory.limit_in_bytes"; } 2>/dev/null || warn "$U_NAME: the kernel refused its memory limit"
    # Version 1 counts memory and swap together; many kernels don't count swap at all.
    { echo $((U_MEMORY + ${U_SWAP:-0})) >"$CGM/$1/memory.memsw.limit_in_bytes"; } 2>/dev/null
  fi
}

# Sets CPUSET: the group that keeps the loaded unit's processes on its CPUs whatever they ask for; empty without one.
set_cpus() { # CGROUP-NAME
  CPUSET=
  if [ "$CG" != - ]; then
    case " $(cat "$CG/cgroup.subtree_control" 2>/dev/null) " in
      *' cpuset '*) ;;
      *) { echo +cpuset >"${CG%/*}/cgroup.subtree_control" && echo +cpuset >"$CG/cgroup.subtree_control"; } 2>/dev/null ;;
    esac
    if { echo "$U_CPUS" >"$CG/$1/cpuset.cpus"; } 2>/dev/null; then CPUSET=$CG/$1; return; fi
  fi
  # Version 1 takes no process into a group whose own and whose parent's CPUs and memory nodes aren't set.
  [ -d "${CPUSETS%/*}" ] && mkdir -p "$CPUSETS/$1" 2>/dev/null || return 0
  sc_nodes=$(cat "${CPUSETS%/*}/cpuset.mems" 2>/dev/null)
  {
    cat "${CPUSETS%/*}/cpuset.cpus" >"$CPUSETS/cpuset.cpus" && echo "$sc_nodes" >"$CPUSETS/cpuset.mems" &&
      echo "$sc_nodes" >"$CPUSETS/$1/cpuset.mems" && echo "$U_CPUS" >"$CPUSETS/$1/cpuset.cpus" && CPUSET=$CPUSETS/$1
  } 2>/dev/null || rmdir "$CPUSETS/$1" 2>/dev/null
  return 0
}

was_out_of_memory() { # UNIT-FOLDER
  read -r _ oom_cg <"$1/marker"
  [ "$oom_cg" != - ] || return 1
  cat "$CGM/$oom_cg/memory.events" "$CGM/$oom_cg/memory.oom_control" 2>/dev/null |
    awk '$1 == "oom_kill" && $2 > 0 { found = 1 } END { exit !found }'
}

prepare_unit() { # INDEX
  load_unit "$1"
  claim_launcher
  unit_cgroup
  case $CG:$V in -:* | *:l.*) pu_cg= ;; *) pu_cg=$CG/$V ;; esac # a launcher's is there
  mkdir -p "$U" "$U_WORK" ${pu_cg:+"$pu_cg"} 2>/dev/null || mkdir -p "$U" "$U_WORK" || { fail collect "$U_NAME: can't make its folder $U_WORK"; return; }
  get "$I" signal; pu_signal=$V
  if [ "$pu_signal" = INT ] && [ -z "$HEED" ]; then
    pu_signal=TERM
    warn "$U_NAME: TERM instead of INT: this host has nothing to make a background process heed INT"
  fi
  get "$I" grace
  echo "$pu_signal $V" >"$U/stop"
  get "$I" files
  pu_n=$V pu_i=1
  while [ "$pu_i" -le "$pu_n" ]; do
    eval "pu_path=\$u${I}_f${pu_i}_path pu_mode=\$u${I}_f${pu_i}_mode"
    case $pu_path in /*) ;; *) pu_path=$U_WORK/$pu_path ;; esac
    [ -d "${pu_path%/*}" ] || mkdir -p "${pu_path%/*}"
    if [ -e "$pu_path" ] || [ -h "$pu_path" ]; then rm -f "$pu_path"; fi
    # What is made with its mode needs no process to change it.
    case $pu_mode in 644 | 0644) pu_mode= ;; *) umask 077 ;; esac
    eval "printf '%s' \"\$u${I}_f${pu_i}_content\"" >"$pu_path"
    pu_code=$?
    umask 022
    if [ $pu_code != 0 ] || { [ -n "$pu_mode" ] && ! chmod "$pu_mode" "$pu_path"; }; then
      fail collect "$U_NAME: can't write its file $pu_path"
      return
    fi
    if [ -n "$U_USER" ] && [ "$(id -u)" = 0 ]; then chown "$U_USER" "$pu_path"; fi
    pu_i=$((pu_i + 1))
  done
  : >>"$A/$U_NAME.out" && : >>"$A/$U_NAME.err"
  echo "$U_NAME $U_LOG" >>"$K/caps"
  get "$I" script
  write_launch "$U" "$V" "$A/$U_NAME.out" "$A/$U_NAME.err" "$U_NAME"
  get "$I" ready
  if [ "$V" = command ]; then
    mkdir -p "$U/ready-check"
    get "$I" ready_arg
    write_launch "$U/ready-check" "$V" /dev/null /dev/null "$U_NAME"
  fi
  if [ "$U_KIND" = event ]; then
    # What a unit of this step writes, it writes after now; of others' logs only what comes after the start counts.
    get "$I" trigger_unit
    if [ -n "$V" ] && find_own "$V"; then
      size_of "$A/$V.out"; pu_out=$SIZE
      size_of "$A/$V.err"
      echo "$pu_out $SIZE" >"$U/from"
    fi
  fi
  get "$I" undo
  if [ "$U_KIND" = event ] && [ -n "$V" ]; then
    mkdir -p "$U/undo"
    write_launch "$U/undo" "$V" "$A/$U_NAME.out" "$A/$U_NAME.err" "$U_NAME"
    cp "$U/stop" "$U/undo/stop"
  fi
}

# Starts a launch, waits for its end and records it. With util-linux' `setsid --wait` a signal is told from an exit code
# above 128; elsewhere the shell's convention has to do.
keep() { # UNIT-FOLDER
  kp_signal=-
  if [ "$SETSID" = wait ]; then
    setsid --fork --wait sh "$1/launch" </dev/null >/dev/null 2>"$1/setsid.err" 3>&-
    kp_code=$?
    read_signal "$1/setsid.err"
  else
    if [ "$SETSID" = plain ]; then (exec setsid sh "$1/launch") </dev/null >/dev/null 2>&1 3>&-
    else sh "$1/launch" </dev/null >/dev/null 2>&1 3>&-; fi
    kp_code=$?
    if [ $kp_code -gt 128 ] && [ $kp_code -le 192 ]; then kp_signal=$(kill -l $((kp_code - 128)) 2>/dev/null) || kp_signal=-; fi
  fi
  note_end "$1"
}

read_signal() { # FILE: what setsid said; sets kp_signal where a signal ended what it waited for
  while IFS= read -r kp_line; do
    case $kp_line in *'did not exit normally'*) signal_name $((kp_code & 127)) ;; esac
  done <"$1"
}

note_end() { # UNIT-FOLDER
  if [ "$U_KIND" = service ]; then about_now; else now; fi
  record "$1/ended" "$NOW $kp_code $kp_signal"
}

signal_name() { # NUMBER: sets kp_signal
  case $1 in 2) kp_signal=INT ;; 9) kp_signal=KILL ;; 15) kp_signal=TERM ;; *) kp_signal=$(kill -l "$1") ;; esac
}

# What this host has, found once: SETSID, the kernel's units HZ and PAGE, LINKS: what tells where links point to, and HEED:
# what gives a command back the signals that a shell makes its background children ignore.
find_tools() {
  SETSID=none HZ=100 PAGE=4096 LINKS=ls HEED=
  if { read -r SETSID HZ PAGE LINKS HEED <"$S/tools"; } 2>/dev/null; then return; fi
  if command -v setsid >/dev/null; then
    SETSID=plain
    if setsid --fork --wait true 2>/dev/null; then SETSID=wait; fi
  fi
  if env --default-signal=INT true 2>/dev/null; then HEED='env --default-signal=HUP,INT,QUIT'
  elif command -v perl >/dev/null; then HEED="perl -e '\$SIG{\$_}=\"DEFAULT\" for qw(HUP INT QUIT); exec @ARGV or die'"
  elif command -v python3 >/dev/null; then
    HEED="python3 -c 'import os,signal,sys; [signal.signal(s, signal.SIG_DFL) for s in (1,2,3)]; os.execvp(sys.argv[1], sys.argv[1:])'"
  fi
  HZ=$(getconf CLK_TCK 2>/dev/null) || HZ=100
  PAGE=$(getconf PAGESIZE 2>/dev/null) || PAGE=4096
  if [ -n "$(find /proc/self -maxdepth 0 -lname '[0-9]*' 2>/dev/null)" ]; then LINKS=find; fi
  say "$SETSID $HZ $PAGE $LINKS $HEED" >"$S/tools.$$" && mv "$S/tools.$$" "$S/tools"
}

keep_unit() { # in the background of a runner: the loaded unit's life
  trap - TERM
  keep "$U"
  tell_end
}

tell_end() { # of the loaded unit
  : >"$K/unit.$U_NAME" # empty means ended, and costs no process
  post "$D/fifo" "exit $U_NAME"
  if [ "$U_KIND" = service ]; then
    for ku_guard in "$K"/guard.*; do
      if { read -r ku_step <"$ku_guard"; } 2>/dev/null; then post "$S/steps/$ku_step/fifo" "service $U_NAME"; fi
    done
  fi
  if [ -n "${TICKER:-}" ]; then post "${TICKER%/owner}/spool" launcher; fi
}

# What was started last on this root: a search for leftovers counts only if it began after that.
note_start() { { echo "$STEP $U_NAME $NOW" >"$S/started"; } 2>/dev/null || rm -f "$S/swept"; }

begin_unit() { # the loaded unit: what is recorded before its process exists
  # A job's times are what is measured; a service's may be coarser.
  if [ "$U_KIND" = service ]; then about_now; else now; fi
  note_start
  if [ -f "$U/started" ]; then rm -f "$U/ended" "$U/pid" "$U/ready" "$U/why" "$U/asked"; fi # a restart
  { echo "$NOW" >"$U/started"; } 2>/dev/null || record "$U/started" "$NOW"
  if [ "$U_KIND" != event ]; then echo "$U_NAME $F $U_LOG" >"$K/unit.$U_NAME"; fi
}

start_unit() { # INDEX
  load_unit "$1"
  begin_unit
  get "$I" launcher
  if [ -n "$V" ] && owner_of "$V/owner"; then post "$V/fifo" "$REPRISE_START_AT $U/launch"
  else keep_unit </dev/null & fi
  eval "u${I}_state=running"
  alarm "$U_TIMEOUT" timeout "$U_NAME"
}

# --- Launchers ----------------------------------------------------------------------------------------------------------

# A process that changes its cgroup waits for a grace period of the kernel's RCU, some 10 ms: no unit should. So where units
# have cgroups, shells wait in new ones for units to come, each with a keeper; a unit takes one when it is prepared. Where
# none is left, it starts as elsewhere.
has_launchers() { [ "$CG" != - ] && [ "$SETSID" = wait ]; }

claim_launcher() { # the loaded unit: sets u{I}_launcher, empty without one
  eval "u${I}_launcher="
  has_launchers || return 0
  for cl_owner in "$S"/launchers/*/owner; do
    cl_folder=${cl_owner%/owner}
    if [ ! -f "$cl_folder/claim" ] && owner_of "$cl_owner" &&
      claim "$cl_folder" "$step_epoch $step_attempt $F $step_key $U_NAME $U_KIND"; then
      eval "u${I}_launcher=\$cl_folder"
      return 0
    fi
  done
}

claim() { # FOLDER TEXT: true for the first
  set -C
  { echo "$2" >"$1/claim"; } 2>/dev/null && cl_first=1 || cl_first=
  set +C
  [ -n "$cl_first" ]
}

unit_cgroup() { # the loaded unit: sets V to its cgroup's name, l.LAUNCHER or EPOCH.ATTEMPT.SERIAL.UNIT
  eval "V=\${u${I}_launcher:-}"
  if [ -n "$V" ]; then V=l.${V##*/}; else V=$step_epoch.$step_attempt.$step_serial.$U_NAME; fi
}

# In the spool: folders are made by eight, each launcher when a unit ended. So the next attempt finds as many as this one
# wanted.
LAUNCHERS=0 LAUNCHERS_MADE=0
make_launcher() {
  has_launchers || return 0
  ml_free=0
  for ml_owner in "$S/launchers/$SERIAL".*/owner; do
    if [ -f "$ml_owner" ] && [ ! -f "${ml_owner%/owner}/claim" ]; then ml_free=$((ml_free + 1)); fi
  done
  [ $ml_free -lt 8 ] || return 0
  if [ $LAUNCHERS = $LAUNCHERS_MADE ]; then
    LAUNCHERS_MADE=$((LAUNCHERS + 8))
    set --
    for ml_i in 0 1 2 3 4 5 6 7; do set -- "$@" "$S/launchers/$SERIAL.$((LAUNCHERS + ml_i))"; done
    mkdir "$@"
    for ml_folder; do shift; set -- "$@" "$ml_folder/fifo"; done
    mkfifo "$@"
  fi
  {
    if [ $((LAUNCHERS % 8)) = 7 ]; then drop_launchers_cgroups; fi
    be_launcher "$SERIAL.$LAUNCHERS"
  } </dev/null 6<&- &
  LAUNCHERS=$((LAUNCHERS + 1))
}

be_launcher() { # NAME: in the background of the spool; and then the keeper of the unit that took it
  L=$S/launchers/$1 kp_signal=-
  mkdir "$CG/l.$1" 2>/dev/null
  setsid --fork --wait sh "$S/bin/launcher" "$L" "$CG/l.$1" "$BOOT" >/dev/null 2>"$L/setsid.err"
  kp_code=$?
  { read -r _ _ F bl_key U_NAME U_KIND <"$L/claim" && [ -n "$F" ]; } 2>/dev/null || return 0
  D=$S/steps/$F K=$S/attempts/$bl_key
  U=$D/units/$U_NAME
  if [ -f "$U/started" ]; then # or else its step ended before
    read_signal "$L/setsid.err"
    note_end "$U"
    tell_end
  fi
}

# The groups of older attempts' units. Here, since it may wait for a launcher that is being moved.
drop_launchers_cgroups() {
  read_fence
  step_epoch=$ar_epoch step_attempt=$ar_attempt
  set --
  for dl_claim in "$S"/launchers/*/claim; do
    { read -r dl_epoch dl_attempt _ <"$dl_claim" && older_than_me "$dl_epoch" "$dl_attempt"; } 2>/dev/null || continue
    dl_name=${dl_claim%/claim}
    for dl_tree in "$CG" "$CGM" "$CPUSETS"; do
      if [ -d "$dl_tree/l.${dl_name##*/}" ]; then set -- "$@" "$dl_tree/l.${dl_name##*/}"; fi
    done
  done
  if [ $# -gt 0 ]; then rmdir -- "$@" 2>/dev/null; fi
}

# A launcher opens its FIFO before it looks for a claim: it hears of the end, or sees it.
end_launchers() { # SESSION-PID: that nobody took, of this session and of those that are gone
  for el_fifo in "$S"/launchers/*/fifo; do
    el_folder=${el_fifo%/fifo}
    [ -p "$el_fifo" ] && [ ! -f "$el_folder/claim" ] || continue
    el_pid=${el_folder%.*}
    el_pid=${el_pid##*.}
    if [ "$el_pid" = "$1" ] || ! ident "$el_pid"; then
      if claim "$el_folder" '0 0'; then post "$el_fifo" ''; fi
    fi
  done
}

# --- Readiness ----------------------------------------------------------------------------------------------------------

is_ready() { # the loaded service, once
  get "$I" ready; ir_kind=$V
  get "$I" ready_arg
  case $ir_kind in
    none) ;;
    port)
      ir_port=$(printf '%04X' "$V")
      cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v p=":$ir_port" '$4 == "0A" && substr($2, length($2) - 4) == p { found = 1; exit } END { exit !found }'
      ;;
    http) http_get "$V" ;;
    logLine)
      if [ "$ready_out$ready_err" = 00 ]; then
        [ -s "$A/$U_NAME.out" ] || [ -s "$A/$U_NAME.err" ] || return 1
        grep -q -e "$V" "$A/$U_NAME.out" "$A/$U_NAME.err" 2>/dev/null
        return
      fi
      { tail -c "+$((ready_out + 1))" "$A/$U_NAME.out"; tail -c "+$((ready_err + 1))" "$A/$U_NAME.err"; } 2>/dev/null | grep -q -e "$V"
      ;;
    command)
      if command -v timeout >/dev/null; then timeout 10 sh "$U/ready-check/launch" </dev/null >/dev/null 2>&1
      else sh "$U/ready-check/launch" </dev/null >/dev/null 2>&1; fi
      ;;
  esac
}

await_ready() { # the loaded service; polls fast first, since most services need milliseconds
  ar_ms=3
  while is_running "$U"; do
    if is_ready; then
      about_now
      record "$U/ready" "$NOW"
      return 0
    fi
    to_sec $ar_ms
    sleep "$SEC"
    ar_ms=$((ar_ms * 3 / 2))
    if [ $ar_ms -gt 250 ]; then ar_ms=250; fi
  done
  return 1
}

log_sizes() { # the loaded unit: sets ready_out, ready_err
  size_of "$A/$U_NAME.out"; ready_out=$SIZE
  size_of "$A/$U_NAME.err"; ready_err=$SIZE
}

probe_unit() { # in the background of a runner
  trap 'exit 0' TERM
  if await_ready; then echo "ready $U_NAME" >&3; fi
}

# --- Timers and events ----------------------------------------------------------------------------------------------

TIMERS=
timer() { # MS EVENT: writes the event into the FIFO then; sets TIMER, to be cancelled by TERM
  to_sec "$1"
  shift
  (
    tm_pid=
    trap 'kill $tm_pid 2>/dev/null; exit 0' TERM
    # Should somebody kill the sleep, what it measures is not over: it begins anew.
    for tm_try in 1 2 3; do
      sleep "$SEC" &
      tm_pid=$!
      if wait $tm_pid; then break; fi
    done
    echo "$*" >&3
  ) </dev/null >/dev/null 2>&1 4>&- & # nothing of the caller's, or a call would last as long as its timer
  TIMER=$!
  TIMERS="$TIMERS $TIMER"
  if [ -n "${TIMER_LOG:-}" ]; then echo "$TIMER" >>"$TIMER_LOG"; fi
}
cancel() { if [ -n "${1:-}" ]; then kill "$1" 2>/dev/null; fi; } # PID

# What needn't be exact to some milliseconds, and as a rule never comes: all of a runner's alarms share a timer, which
# starts when the runner has nothing else to do.
ALARMS= ALARM_AT=
alarm() { # MS EVENT
  uptime_ms
  ALARMS="$ALARMS$((UPTIME + $1)) $2${3:+ $3}
"
}

drop_alarm() { # EVENT
  da_left= da_rest=$ALARMS
  while [ -n "$da_rest" ]; do
    da_line=${da_rest%%
*} da_rest=${da_rest#*
}
    if [ "${da_line#* }" != "$1" ]; then da_left="$da_left$da_line
"; fi
  done
  ALARMS=$da_left
}

first_alarm() { # sets FA_AT, which is empty without one, and FA_EVENT
  FA_AT= FA_EVENT= fa_rest=$ALARMS
  while [ -n "$fa_rest" ]; do
    fa_line=${fa_rest%%
*} fa_rest=${fa_rest#*
}
    if [ -z "$FA_AT" ] || [ "${fa_line%% *}" -lt "$FA_AT" ]; then FA_AT=${fa_line%% *} FA_EVENT=${fa_line#* }; fi
  done
}

set_timer() { # for the first of the alarms
  [ -n "$ALARMS" ] || return 0
  first_alarm
  if [ -n "$ALARM_AT" ] && [ "$ALARM_AT" -le "$FA_AT" ]; then return; fi
  uptime_ms
  # Of what is far off the session's tick reminds us in time: a timer costs two processes, and most steps end before.
  if [ $((FA_AT - UPTIME)) -gt 6000 ] && is_ticked; then return; fi
  timer $((FA_AT - UPTIME)) alarm
  ALARM_AT=$FA_AT
}

# Whether the session lives that began this runner. Its end removes the file before the last tick, which has us look anew.
TICKED=
is_ticked() {
  if [ -n "$TICKED" ] && [ -f "$TICKER" ]; then return 0; fi
  TICKED=
  if [ -n "${TICKER:-}" ] && owner_of "$TICKER"; then TICKED=1; fi
  [ -n "$TICKED" ]
}

ring() { # sets EV and EA to what is due
  ALARM_AT=
  first_alarm
  uptime_ms
  [ -n "$FA_AT" ] && [ "$FA_AT" -le "$UPTIME" ] || return 0
  drop_alarm "$FA_EVENT"
  EV=${FA_EVENT%% *} EA=
  case $FA_EVENT in *' '*) EA=${FA_EVENT#* } ;; esac
}

# A TERM that comes between a fork and its trap is lost, so that it takes a second look until all are gone.
end_timers() {
  et_n=0
  while [ -n "$TIMERS" ] && [ $et_n -lt 200 ]; do
    et_left=
    for et_pid in $TIMERS; do
      if ident "$et_pid"; then kill "$et_pid" 2>/dev/null; et_left="$et_left $et_pid"; fi
    done
    TIMERS=$et_left
    if [ -n "$TIMERS" ]; then sleep 0.005; fi
    et_n=$((et_n + 1))
  done
  TIMERS=
}

next_event() {
  EV= EA=
  set_timer
  read -r EV EA <&3 || { sleep 1; return; }
  if [ "$EV" = alarm ]; then ring; fi
  case $EV in
    exit) unit_ended "$EA" ;;
    ready) if find_unit "$EA"; then eval "u${I}_state=ready"; fi ;;
    timeout) unit_late "$EA" timedOut ;;
    unready) unit_late "$EA" notReady ;;
    fire) fire_event "$EA" ;;
    service) service_ended "$EA" ;;
    deadline) fail timeout "the step's deadline passed"; HALT=deadline ;;
    superseded) HALT=superseded ;;
    notice) look_for_notice ;;
    tick) TICKED= ;;
    taken) fail preempted "$step_notice takes this spot machine back: $EA" ;;
    *) ;; # stop, go, and what only wakes
  esac
  if [ -s "$D/superseded" ]; then HALT=superseded; fi
  if [ -f "$D/stop" ] && [ -z "$HALT" ]; then HALT=stop; fi
}

# A spot machine is told a moment before it goes: time enough to end what runs and to bring its evidence home.
look_for_notice() {
  # In the background: a metadata service that hangs must not hold up the step.
  (
    ln_said=$(taken_back "$step_notice" "$step_notice_url" | tr '\n' ' ' | cut -c 1-300)
    if [ -n "$ln_said" ]; then echo "taken $ln_said" >&3; fi
  ) </dev/null >/dev/null 2>&1 &
  timer 5000 notice
}

taken_back() { # CLOUD URL: prints the cloud's own words where there are some
  case $1 in
    aws)
      tb_token=$(ask_metadata PUT "$2/latest/api/token" 'X-aws-ec2-metadata-token-ttl-seconds: 60') || return 1
      ask_metadata GET "$2/latest/meta-data/spot/instance-action" "X-aws-ec2-metadata-token: $tb_token"
      ;;
    azure)
      ask_metadata GET "$2/metadata/scheduledevents?api-version=2020-07-01" 'Metadata: true' |
        tr -d '\n' | grep -o '"EventType": *"Preempt"[^}]*'
      ;;
    gcp) ask_metadata GET "$2/computeMetadata/v1/instance/preempted" 'Metadata-Flavor: Google' | grep -x TRUE ;;
  esac
}

# METHOD URL HEADER. No proxy of the experiment's; the header, which may be a token, is no argument of curl's.
ask_metadata() {
  if command -v curl >/dev/null; then printf '%s\n' "$3" | curl -q -sf --noproxy '*' -m 3 -X "$1" -H @- "$2"
  else wget -q -O - --no-proxy -T 3 -t 1 --method="$1" --header="$3" "$2"; fi
}

fail() { # CLASS MESSAGE [EVIDENCE]: the first one counts
  if [ -z "$FAIL_CLASS" ]; then FAIL_CLASS=$1 FAIL_MESSAGE=$2 FAIL_EVIDENCE=${3:-}; fi
  HALT=${HALT:-failed}
}

last_words() { # UNIT-NAME: sets WORDS to the last line of its stderr
  WORDS=$(tail -c 2000 "$A/$1.err" 2>/dev/null | awk 'NF { line = $0 } END { print substr(line, 1, 300) }')
  WORDS=${WORDS:+: $WORDS}
}

unit_ended() { # NAME
  find_unit "$1" || return
  load_unit "$I"
  # A restart may have been faster than this message.
  [ -s "$U/ended" ] || return
  read -r _ ue_code ue_signal <"$U/ended"
  drop_alarm "timeout $1"
  eval "cancel \"\${u${I}_probe:-}\"; ue_state=\$u${I}_state; u${I}_state=ended"
  [ -z "$HALT" ] && [ ! -f "$U/why" ] && [ ! -s "$D/result.json" ] || return
  if [ "$U_KIND" = service ]; then
    if [ "$ue_state" = ready ] && { [ -f "$U/asked" ] || event_is_active; }; then return; fi
    last_words "$1"
    if [ "$ue_state" = ready ]; then fail command "service $1 ended unasked ($(how_ended))$WORDS" "$1.err"
    else fail command "service $1 ended before it was ready ($(how_ended))$WORDS" "$1.err"; fi
  elif [ "$ue_code" != 0 ] || [ "$ue_signal" != - ]; then
    last_words "$1"
    fail command "$U_KIND $1: $(how_ended)$WORDS" "$1.err"
  fi
}

how_ended() { # from ue_code, ue_signal and U
  if was_out_of_memory "$U"; then echo "killed by the kernel: over its memory limit of $U_MEMORY bytes"
  elif [ "$ue_signal" != - ]; then echo "killed by SIG$ue_signal"
  else echo "exit code $ue_code"; fi
}

unit_late() { # NAME OUTCOME
  find_unit "$1" || return
  load_unit "$I"
  is_running "$U" || return
  if [ "$2" = notReady ]; then
    get "$I" ready_timeout
    [ ! -s "$U/ready" ] || return
    last_words "$1"
    fail timeout "service $1 was not ready within $V ms$WORDS" "$1.err"
  elif [ ! -s "$D/result.json" ]; then
    fail timeout "$U_KIND $1 ran longer than its $U_TIMEOUT ms" "$1.err"
  fi
  echo "$2" >"$U/why"
  stop_unit "$U" "$2"
}

# A service of this attempt ended, maybe of an earlier step.
service_ended() { # NAME
  [ "$step_guard" = 1 ] && [ -z "$HALT" ] || return
  while read -r se_step se_name; do
    [ "$se_name" = "$1" ] || continue
    se_unit=$S/steps/$se_step/units/$1
    [ -s "$se_unit/ended" ] && [ ! -f "$se_unit/asked" ] && [ ! -f "$se_unit/why" ] || return
    if event_is_active; then : >"$se_unit/asked"; return; fi
    read -r _ ue_code ue_signal <"$se_unit/ended"
    last_words "$1"
    # shellcheck disable=SC2034 # how_ended reads U
    U=$se_unit U_MEMORY=given
    fail command "service $1 ended unasked ($(how_ended))$WORDS" "$1.err"
  done <"$K/services"
}

# Whether an event of this step is at work, or was a second ago: it may kill without asking us.
event_is_active() {
  ea_i=1
  while [ "$ea_i" -le "$step_units" ]; do
    get "$ea_i" kind
    if [ "$V" = event ]; then
      get "$ea_i" name
      ea_unit=$D/units/$V
      for ea_part in "$ea_unit" "$ea_unit/undo"; do
        [ -f "$ea_part/started" ] || continue
        [ -s "$ea_part/ended" ] || return 0
        read -r ea_ended _ <"$ea_part/ended"
        now
        if [ $((NOW - ea_ended)) -lt 1000 ]; then return 0; fi
      done
    fi
    ea_i=$((ea_i + 1))
  done
  return 1
}

record_event() { # NAME ACTION
  now
  if [ ! -s "$A/events.csv" ]; then echo 'timeMs,offsetMs,event,action' >>"$A/events.csv"; fi
  echo "$NOW,$((NOW - SINCE)),$1,$2" >>"$A/events.csv"
}

fire_event() { # NAME
  find_unit "$1" && [ -z "$HALT" ] || return
  [ ! -f "$D/units/$1/started" ] || return
  record_event "$1" fire
  start_unit "$I"
}

# In reverse order of the units; each undo is bounded by its event's timeout.
undo_events() {
  un_i=$step_units
  while [ "$un_i" -ge 1 ]; do
    load_unit "$un_i"
    if [ "$U_KIND" = event ] && [ -f "$U/started" ] && [ -f "$U/undo/launch" ] && [ ! -f "$U/undo/started" ]; then
      record_event "$U_NAME" undo
      note_start
      echo "$NOW" >"$U/undo/started"
      keep "$U/undo" </dev/null &
      un_left=$((U_TIMEOUT / 20 + 1)) un_pid=$!
      while [ ! -s "$U/undo/ended" ] && [ $un_left -gt 0 ]; do sleep 0.02; un_left=$((un_left - 1)); done
      stop_unit "$U/undo" timedOut KILL
      wait $un_pid
      read -r _ un_code _ <"$U/undo/ended"
      if [ "$un_code" != 0 ]; then
        last_words "$U_NAME"
        fail command "event $U_NAME could not be undone: exit code $un_code$WORDS" "$U_NAME.err"
      fi
    fi
    un_i=$((un_i - 1))
  done
}

WATCHERS=
arm_event() { # the loaded event
  get "$I" trigger
  ae_kind=$V
  get "$I" trigger_arg
  if [ "$ae_kind" = at ]; then
    now
    timer $((SINCE + V - NOW)) fire "$U_NAME"
    return
  fi
  ae_pattern=$V
  get "$I" trigger_unit
  size_of "$A/$V.out"; ae_out=$SIZE
  size_of "$A/$V.err"; ae_err=$SIZE
  { read -r ae_out ae_err <"$U/from"; } 2>/dev/null
  : >>"$A/$V.out"
  : >>"$A/$V.err"
  # shellcheck disable=SC2016 # for the inner shell
  (
    if [ "$SETSID" != none ]; then ae_own=setsid; else ae_own=; fi
    exec $ae_own sh -c '{ tail -c "+$(($2 + 1))" -f "$1.out" & tail -c "+$(($3 + 1))" -f "$1.err" & wait; } 2>/dev/null |
      { grep -q -e "$4" && echo "fire $5" >&3; }' sh "$A/$V" "$ae_out" "$ae_err" "$ae_pattern" "$U_NAME"
  ) </dev/null &
  WATCHERS="$WATCHERS $!"
}

# --- Samples: one line a second for the host and for each unit ------------------------------------------------------

# The file's counters only grow, as the kernel's do; rates are for the reader to make.
# shellcheck disable=SC2016 # awk's and the inner shell's
SAMPLER='
function read_host(   line, f, n, k) {
  getline line < "/proc/stat"; close("/proc/stat"); split(line, f, " ")
  user = (f[2] + f[3]) / hz; sys = (f[4] + f[7] + f[8]) / hz; idle = f[5] / hz; iowait = f[6] / hz; steal = f[9] / hz
  total = avail = swapTotal = swapFree = 0
  while ((getline line < "/proc/meminfo") > 0) {
    split(line, f, " ")
    if (f[1] == "MemTotal:") total = f[2] * 1024; else if (f[1] == "MemAvailable:") avail = f[2] * 1024
    else if (f[1] == "SwapTotal:") swapTotal = f[2] * 1024
    else if (f[1] == "SwapFree:") { swapFree = f[2] * 1024; break }
  }
  close("/proc/meminfo")
  rx = tx = lo = 0
  while ((getline line < "/proc/net/dev") > 0) {
    if ((k = index(line, ":")) == 0) continue
    n = substr(line, 1, k - 1); gsub(/ /, "", n); split(substr(line, k + 1), f, " ")
    if (n == "lo") lo += f[9]; else { rx += f[1]; tx += f[9] }
  }
  close("/proc/net/dev")
  dr = dw = 0
  while ((getline line < "/proc/diskstats") > 0) {
    split(line, f, " ")
    if (f[3] ~ /^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+)$/) { dr += f[6] * 512; dw += f[10] * 512 }
  }
  close("/proc/diskstats")
  getline line < "/proc/loadavg"; close("/proc/loadavg"); split(line, f, " "); load1 = f[1]; k = split(f[4], n2, "/"); procs = n2[2]
}
function uptime(   line, f) { getline line < "/proc/uptime"; close("/proc/uptime"); split(line, f, " "); return f[1] * 1000 }
# Adds a process to unit u from a line of its stat file.
function add(line, u, seen,   f, pid) {
  pid = line + 0; sub(/^.*\) /, "", line); split(line, f, " ")
  if (f[1] == "Z" || f[1] == "X") return 0
  own[pid] = u; seen[pid] = 1; parent[pid] = f[2]
  utime[pid] = f[12] + f[14]; stime[pid] = f[13] + f[15]; rss[pid] = f[22] * page
  return f[4]
}
# Processes of a unit with a cgroup are read from it each time; others cost a look at all that the host has.
function read_units(full,   line, f, pid, u, seen, p, q, scan, session) {
  for (pid in own) {
    if (!(own[pid] in leader)) { delete own[pid]; continue }
    p = "/proc/" pid "/stat"
    if ((getline line < p) > 0) add(line, own[pid], seen)
    close(p)
  }
  for (u in leader) if (!(leader[u] in seen) && leader[u] > 0) {
    p = "/proc/" leader[u] "/stat"; if ((getline line < p) > 0) add(line, u, seen); close(p)
  }
  scan = 0
  for (u in leader) {
    if (cg[u] == "-") { scan = full; session[leader[u]] = u; continue }
    p = cg[u] "/cgroup.procs"
    while ((getline pid < p) > 0) {
      pid = pid + 0; if (pid in seen) continue
      q = "/proc/" pid "/stat"; if ((getline line < q) > 0) add(line, u, seen); close(q)
    }
    close(p)
  }
  if (scan) {
    while ((SCAN | getline line) > 0) {
      pid = line + 0; if (pid in seen) continue
      p = line; sub(/^.*\) /, "", p); split(p, f, " ")
      if (f[4] in session) add(line, session[f[4]], seen)
    }
    close(SCAN)
  }
  # What vanished without a parent of ours to inherit its time would be missing from the sum.
  for (pid in own) if (!(pid in seen)) {
    if (!(parent[pid] in seen)) { deadU[own[pid]] += utime[pid]; deadS[own[pid]] += stime[pid] }
    delete own[pid]
  }
  for (u in leader) {
    cu = deadU[u]; cs = deadS[u]; mem = 0; count = 0
    for (pid in own) if (own[pid] == u) { cu += utime[pid]; cs += stime[pid]; mem += rss[pid]; count++ }
    cu /= hz; cs /= hz
    if (cg[u] != "-") {
      p = cg[u] "/cpu.stat"
      while ((getline line < p) > 0) { split(line, f, " "); if (f[1] == "user_usec") cu = f[2] / 1000000; else if (f[1] == "system_usec") cs = f[2] / 1000000 }
      close(p)
    }
    printf "%s,%s,%.2f,%.2f,,,,%.0f,,,,,,,,%d,\n", t, u, cu, cs, mem, count >> out
  }
}
BEGIN {
  wait = 0; many = split(ENVIRON["REPRISE_FIRST"], first_lines, "\n"); TICK = ENVIRON["REPRISE_TICK"]; LOGS = "\nls -ln \"$REPRISE_A\"/*.out \"$REPRISE_A\"/*.err 2>/dev/null"; SCAN = "cat /proc/[0-9]*/stat 2>/dev/null"; out = ENVIRON["REPRISE_SAMPLES"]
  for (n = 0; ; n++) {
    split("", leader); split("", cg); split("", cap); alive = 0
    # Each process more would cost more than all the reading: the date is asked for once a minute, and log sizes are
    # looked at each second only where one has come near its limit.
    cmd = (wait > 0 ? "sleep " wait "\n" : "") (n % 60 == 0 || !offset ? "date \"+T %s%N\"\n" : "") TICK (n % 3 == 1 || near ? LOGS : "")
    near = 0
    # What runs at first was said by who started us, which costs no process.
    for (k = 1; n == 0 && k <= many; k++) { split(first_lines[k], f, " "); leader[f[2]] = f[3] + 0; cap[f[2]] = f[4]; cg[f[2]] = f[5]; alive++ }
    while (n > 0 && (cmd | getline line) > 0) {
      k = split(line, f, " ")
      if (f[1] == "T") { if (f[2] ~ /^[0-9]+$/ && length(f[2]) > 15) offset = substr(f[2], 1, length(f[2]) - 6) - uptime() }
      else if (f[1] == "U") { leader[f[2]] = f[3] + 0; cap[f[2]] = f[4]; cg[f[2]] = f[5]; alive++ }
      else if (f[1] == "D") system("sh \"$REPRISE_SELF\" _revive " f[2] " </dev/null >/dev/null 2>&1 &")
      else if (k >= 9) {
        u = f[k]; sub(/^.*\//, "", u); name = u; sub(/\.(out|err)$/, "", name)
        if (name in cap && f[5] * 50 > cap[name] + 0) near = 1
        if (name in cap && f[5] + 0 > cap[name] + 0) system("sh \"$REPRISE_SELF\" _cut \"$REPRISE_STATE_KEY\" " u " " cap[name] " </dev/null >/dev/null 2>&1")
      }
    }
    if (n > 0) close(cmd)
    t = sprintf("%.0f", uptime() + offset)
    read_host()
    printf "%s,host,%.2f,%.2f,%.2f,%.2f,%.2f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%d,%s\n", t, user, sys, idle, iowait, steal, total - avail, avail, swapTotal - swapFree, rx, tx, lo, dr, dw, procs, load1 >> out
    read_units(alive > 0 && (n < 3 || n % 5 == 0))
    fflush(out)
    if (once) exit
    if (alive == 0) {
      # Whoever starts something from here on finds no sampler; who did just before found us.
      system("rm -f \"$REPRISE_K/sampler\"")
      while ((TICK | getline line) > 0) if (line ~ /^U /) alive++
      if (alive) system("sh \"$REPRISE_SELF\" _sample \"$REPRISE_FOLDER\" </dev/null >/dev/null 2>&1 &")
      exit
    }
    if (n == 0) first = t
    wait = (first + 1000 * (n + 1) - t) / 1000
    if (wait < 0.2 || wait > 2) { wait = 1; first = t - 1000 * n }
    wait = sprintf("%.3f", wait)
  }
}
'
SAMPLES_HEADER=timeMs,scope,cpuUserSec,cpuSystemSec,cpuIdleSec,cpuIowaitSec,cpuStealSec,memoryUsedBytes,memoryAvailableBytes,swapUsedBytes,netReceivedBytes,netSentBytes,loopbackSentBytes,diskReadBytes,diskWrittenBytes,processes,load1

ready_sample() { # writes what a sampler needs into its environment
  if [ ! -s "$A/samples.csv" ]; then echo "$SAMPLES_HEADER" >"$A/samples.csv"; fi
  if [ -z "${CLOCK_OFFSET:-}" ]; then now; uptime_ms; CLOCK_OFFSET=$((NOW - UPTIME)); fi
  REPRISE_K=$K REPRISE_A=$A REPRISE_STEPS=$S/steps REPRISE_CG=$CG REPRISE_SELF=$SELF REPRISE_SAMPLES=$A/samples.csv
  REPRISE_STATE_KEY=$step_key REPRISE_FOLDER=$F REPRISE_FIRST=
  for sm_file in "$K"/unit.*; do
    { read -r sm_unit sm_step sm_cap <"$sm_file"; } 2>/dev/null || continue
    sm_pid=0 sm_cg=-
    { read -r sm_pid _ <"$S/steps/$sm_step/units/$sm_unit/pid"; read -r _ sm_cg <"$S/steps/$sm_step/units/$sm_unit/marker"; } 2>/dev/null
    if [ "$sm_cg" != - ] && [ "$CG" != - ]; then sm_cg=$CG/$sm_cg; else sm_cg=-; fi
    REPRISE_FIRST="${REPRISE_FIRST:+$REPRISE_FIRST
}U $sm_unit $sm_pid $sm_cap $sm_cg"
  done
  # shellcheck disable=SC2016 # for the inner shell, once a second: builtins where possible
  REPRISE_TICK='for f in "$REPRISE_K"/unit.*; do
  { read -r a b c <"$f"; } 2>/dev/null || continue
  pid=0 cg=-
  { read -r pid _ <"$REPRISE_STEPS/$b/units/$a/pid"; read -r _ cg <"$REPRISE_STEPS/$b/units/$a/marker"; } 2>/dev/null
  if [ "$cg" != - ] && [ "$REPRISE_CG" != - ]; then cg=$REPRISE_CG/$cg; else cg=-; fi
  echo "U $a $pid $c $cg"
done
while read -r a b; do
  pid= stat=
  { read -r pid <"$REPRISE_STEPS/$a/runner"; } 2>/dev/null
  [ -n "$pid" ] || continue
  { read -r stat <"/proc/${pid%%.*}/stat"; } 2>/dev/null
  case $stat in "" | *") Z "*) echo "D $b" ;; esac
done <"$REPRISE_K/runners"'
  if [ ! -f "${SAMPLER_FILE:-}" ]; then
    SAMPLER_FILE=$K/sampler.awk
    printf '%s\n' "$SAMPLER" >"$SAMPLER_FILE"
  fi
  export REPRISE_K REPRISE_A REPRISE_STEPS REPRISE_CG REPRISE_SELF REPRISE_SAMPLES REPRISE_STATE_KEY REPRISE_FOLDER \
    REPRISE_TICK REPRISE_FIRST
}

sample() { # ONCE [COMMAND]: becomes awk where the command is exec
  ${2:-} awk -v hz="$HZ" -v page="$PAGE" -v offset="${CLOCK_OFFSET:-0}" -v once="$1" -f "$SAMPLER_FILE"
}

is_active() { # whether any unit of this attempt runs, events aside
  for ia_unit in "$K"/unit.*; do
    if [ -s "$ia_unit" ]; then return 0; fi
  done
  return 1
}

cmd_sample() { # FOLDER: for a sampler that ended a moment too early
  open_step "$1" || exit 0
  enter
  find_tools
  about_now
  try_own "$K/sampler" || exit 0
  if ! is_active; then rm -f "$K/sampler"; exit 0; fi
  ready_sample
  sample 0 exec
}

# As a fork that becomes awk: neither this file nor the attempt's records are read again.
start_sampler() {
  : >"$K/sampled"
  if owner_of "$K/sampler"; then return; fi
  (
    unset REPRISE_MARKER
    export REPRISE_RUNNER="$ID:_sample $F;"
    trap '' HUP
    know_me
    try_own "$K/sampler" || exit 0
    # The first sample is of what has begun.
    ss_n=0
    for ss_file in "$K"/unit.*; do
      { read -r ss_unit ss_step _ <"$ss_file"; } 2>/dev/null || continue
      while is_unborn "$S/steps/$ss_step/units/$ss_unit" && [ $ss_n -lt 100 ]; do sleep 0.005; ss_n=$((ss_n + 1)); done
    done
    # Whoever ended the last unit before we owned it takes the final sample without us.
    if ! is_active; then rm -f "$K/sampler"; exit 0; fi
    ready_sample
    if [ "$SETSID" = none ]; then sample 0 exec; else sample 0 'exec setsid'; fi
  ) </dev/null >>"$S/log" 2>&1 3>&- 4>&- 5>&- &
}

end_owner() { # of a sampler: with what it started, where it has a session of its own already
  if [ "$SETSID" != none ]; then kill -KILL "-$OWNER_PID" 2>/dev/null; fi
  kill -KILL "$OWNER_PID" 2>/dev/null
}

# Once nothing of the attempt runs: samples are final before they are collected.
end_sampler() {
  if [ -f "$D/guard" ] || is_active; then return; fi # a guard ends while others collect
  if [ "$step_units" = 0 ] && [ ! -f "$A/samples.csv" ]; then return; fi
  if [ -s "$K/sampled" ] && [ -s "$A/samples.csv" ]; then return; fi # nothing ran since
  # An owner that never was is as good as no file, and costs no process.
  if owner_of "$K/sampler"; then end_owner; echo "ended.$OWNER" >"$K/sampler"; fi
  # What went beyond its limit once may have gone on, and small limits are soon reached; with the default of 1 GiB it is
  # enough to look where files are collected.
  es_grown=
  for es_cut in "$K"/cut/*; do
    if [ -f "$es_cut" ]; then es_grown="$es_grown./${es_cut##*/}
"; fi
  done
  if [ -f "$K/caps" ]; then
    while read -r es_unit es_cap; do
      if [ "$es_cap" -lt 1073741824 ]; then es_grown="$es_grown./$es_unit.out
./$es_unit.err
"; fi
    done <"$K/caps"
  fi
  if [ -n "$es_grown" ]; then printf '%s' "$es_grown" | describe >"$K/sizes"; cut_logs <"$K/sizes"; fi
  about_now
  ready_sample
  sample 1
  echo once >"$K/sampled"
}

# Keeps the head of an output and counts what goes beyond; outputs are appended to, so writers carry on at the new end.
cut_log() { # FILE-NAME CAP
  size_of "$A/$1" || return 0
  [ "$SIZE" -gt "$2" ] || return 0
  if command -v truncate >/dev/null; then truncate -s "$2" "$A/$1"
  else dd if=/dev/null of="$A/$1" bs=1 seek="$2" count=0 2>/dev/null; fi
  cl_cut=0
  { read -r cl_cut _ <"$K/cut/$1"; } 2>/dev/null
  [ -d "$K/cut" ] || mkdir "$K/cut" 2>/dev/null
  echo "$((cl_cut + SIZE - $2)) $2" >"$K/cut/$1"
}

# The outputs of the attempt by the limits in $K/caps, and by "size ... ./path" lines on stdin; true where one was cut.
cut_logs() {
  cs_caps=
  if [ -f "$K/caps" ]; then
    while read -r cs_unit cs_cap; do cs_caps="$cs_caps ./$cs_unit.out=$cs_cap= ./$cs_unit.err=$cs_cap="; done <"$K/caps"
  fi
  cs_any=
  while read -r cs_size cs_rest; do
    cs_path=${cs_rest##* }
    case $cs_caps in
      *" $cs_path="*)
        cs_cap=${cs_caps##*" $cs_path="}
        if [ "$cs_size" -gt "${cs_cap%%=*}" ]; then cut_log "${cs_path#./}" "${cs_cap%%=*}"; cs_any=1; fi
        ;;
    esac
  done
  [ -n "$cs_any" ]
}

# --- Collecting --------------------------------------------------------------------------------------------------------

# Writes $D/artifacts ("path bytes sha256" lines) and $D/missing. Rules are extended regular expressions made of the
# definition's globs, so that `**` means the same on every host.
collect() {
  [ "$step_collect" -gt 0 ] || return 0
  : >"$D/artifacts"
  if [ -f "$D/missing" ]; then : >"$D/missing"; fi # of a runner that was killed
  co=$D/collect
  [ -d "$A" ] || mkdir -p "$A"
  cd "$A" || { fail collect "can't read $A"; return; }
  for co_list in "$co.required" "$co.changed"; do
    if [ -f "$co_list" ]; then : >"$co_list"; fi
  done
  if list_files && take_files; then printf '%s' "$TAKEN" >"$co.taken"; else search_files >"$co.taken"; fi

  if [ -s "$co.taken" ]; then
    describe_here <"$co.taken" >"$co.before"
    if cut_logs <"$co.before"; then describe_here <"$co.taken" >"$co.before"; fi
    sha256_list <"$co.taken" >"$co.digests" 2>/dev/null
    describe_here <"$co.taken" >"$co.after"
    # "path size digest" of what held still, "path" of what didn't. Mostly all did.
    all_held_still >"$D/artifacts" || awk -v digests="$co.digests" -v changed="$co.changed" '
      FILENAME == ARGV[1] { before[$NF] = $0; size[$NF] = $1; next }
      FILENAME == digests { path = $2; sub(/^\*/, "", path); digest[path] = $1; next }
      { if (before[$NF] == $0 && $NF in digest) print substr($NF, 3), size[$NF], digest[$NF]; else print substr($NF, 3) > changed; seen[$NF] = 1 }
      END { for (p in before) if (!(p in seen)) print substr(p, 3) > changed }' \
      "$co.before" "$co.digests" "$co.after" >"$D/artifacts"
    if [ -s "$co.changed" ]; then
      while read -r co_path; do settle_file "$co_path"; done <"$co.changed"
      sort -o "$D/artifacts" "$D/artifacts"
    fi
    if [ "$step_part_bytes" -gt 0 ]; then split_parts; fi
  fi
  cd "$ROOT" || exit $EX_DEFECT
  if [ -s "$co.required" ]; then
    co_missing=
    while IFS= read -r co_glob; do co_missing="${co_missing:+$co_missing, }$co_glob"; done <"$co.required"
    fail collect "no file for: $co_missing"
  fi
}

# What few rules of names and plain wildcards take of few files, which is what most are, costs no process. Sets TAKEN; false
# where it takes more than that.
take_files() {
  [ $((lf_n * step_collect)) -le 400 ] || return 1
  tf_i=1
  while [ $tf_i -le "$step_collect" ]; do
    eval "tf_glob=\$c${tf_i}_glob"
    case $tf_glob in
      *[!A-Za-z0-9._=+@/*?-]* | *'**'* | */) return 1 ;;
      *[*?]*) case ${tf_glob##*/} in *[*?]*) ;; *) return 1 ;; esac ;; # or it takes what is below that folder
    esac
    tf_i=$((tf_i + 1))
  done
  TAKEN= tf_i=1
  while [ $tf_i -le "$step_collect" ]; do
    eval "tf_glob=\$c${tf_i}_glob tf_must=\$c${tf_i}_required"
    tf_hit=
    for tf_path in $LISTED; do
      is_taken || continue
      tf_hit=1
      case $TAKEN in *"./$tf_path
"*) ;; *) TAKEN="$TAKEN./$tf_path
" ;; esac
    done
    if [ -z "$tf_hit" ]; then
      echo "$tf_glob" >>"$D/missing"
      if [ "$tf_must" = 1 ]; then echo "$tf_glob" >>"$co.required"; fi
    fi
    tf_i=$((tf_i + 1))
  done
}

is_taken() { # tf_path by tf_glob
  case $tf_glob in
    *[*?]*) # Where both have as many slashes, no wildcard stands for one.
      # shellcheck disable=SC2254 # a pattern
      case $tf_path in $tf_glob) ;; *) return 1 ;; esac
      it_glob=$tf_glob it_path=$tf_path
      while :; do
        case $it_glob,$it_path in
          */*,*/*) it_glob=${it_glob#*/} it_path=${it_path#*/} ;;
          */*,* | *,*/*) return 1 ;;
          *) return 0 ;;
        esac
      done
      ;;
    *) case $tf_path in "$tf_glob" | "$tf_glob"/*) ;; *) return 1 ;; esac ;;
  esac
}

search_files() { # prints what the rules take, by their expressions
  sf_i=1
  while [ "$sf_i" -le "$step_collect" ]; do
    eval "printf '%s\t%s\t%s\n' \"\$c${sf_i}_required\" \"\$c${sf_i}_pattern\" \"\$c${sf_i}_glob\""
    sf_i=$((sf_i + 1))
  done >"$co.rules"
  find . -type f | sort >"$co.files"
  awk -F '\t' -v missing="$D/missing" -v required="$co.required" -v warnings="$D/warnings" '
    FILENAME == ARGV[1] { n++; must[n] = $1; pattern[n] = $2; glob[n] = $3; next }
    { path = substr($0, 3); taken = 0
      for (i = 1; i <= n; i++) if (path ~ pattern[i]) { hit[i] = 1; taken = 1 }
      if (!taken) next
      if (path ~ /[^A-Za-z0-9._=+@\/-]/) print path ": not collected: only A-Za-z0-9._=+@- and / can stand in its name" >> warnings
      else { for (k = ++taken_n; k > 1 && order[k - 1] "" > "./" path; k--) order[k] = order[k - 1]; order[k] = "./" path } }
    END { for (i = 1; i <= taken_n; i++) print order[i]
          for (i = 1; i <= n; i++) if (!hit[i]) { print glob[i] >> missing; if (must[i]) print glob[i] >> required } }
    ' "$co.rules" "$co.files"
}

# Sets LISTED to the files of the attempt's folder, without a process; false where there are many, or odd names.
list_files() {
  LISTED= lf_n=0 lf_queue='
'
  while [ -n "$lf_queue" ]; do
    lf_folder=$A/${lf_queue%%
*} lf_queue=${lf_queue#*
}
    lf_folder=${lf_folder%/}
    for lf_path in "$lf_folder"/* "$lf_folder"/.[!.]* "$lf_folder"/..?*; do
      if [ -h "$lf_path" ]; then continue
      elif [ -f "$lf_path" ]; then LISTED="$LISTED ${lf_path#"$A"/}"
      elif [ -d "$lf_path" ]; then lf_queue="$lf_queue${lf_path#"$A"/}
"
      else continue; fi
      case ${lf_path#"$A"/} in *[!A-Za-z0-9._=+@/-]*) return 1 ;; esac
      lf_n=$((lf_n + 1))
      [ $lf_n -le 100 ] || return 1
    done
  done
}

all_held_still() { # prints them, in order; false where the three lists differ in more than the digests
  command -v stat >/dev/null || return 1
  while read -r ah_size ah_rest; do
    read -r ah_sha ah_path <&8 && IFS= read -r ah_after <&9 || return 1
    ah_path=${ah_path#\*}
    [ "$ah_after" = "$ah_size $ah_rest" ] && [ "${ah_rest##* }" = "$ah_path" ] || return 1
    echo "${ah_path#./} $ah_size $ah_sha"
  done <"$co.before"
  ! IFS= read -r ah_after <&9
} 8<"$co.digests" 9<"$co.after"

describe() (cd "$A" && describe_here)
describe_here() { # paths on stdin: size, inode, time of change, path
  if command -v stat >/dev/null; then with_paths stat -c '%s %i %y %n' 2>/dev/null
  else with_paths ls -lnid 2>/dev/null | awk '{ print $6, $0 }'; fi
}

# A file that changed while it was read gets three more tries; then its head of now is kept, if that at least holds still.
settle_file() { # PATH
  for sf_wait in 0.1 0.3 0.6; do
    sleep $sf_wait
    sf_before=$(echo "./$1" | describe)
    sha256 "$A/$1"
    if [ -n "$sf_before" ] && [ "$sf_before" = "$(echo "./$1" | describe)" ]; then
      echo "$1 ${sf_before%% *} $SHA" >>"$D/artifacts"
      return
    fi
  done
  if [ ! -r "$A/$1" ]; then
    warn "$1: not collected: it can't be read, or went away"
    return
  fi
  size_of "$A/$1"
  SHA=$(head -c "$SIZE" "$A/$1" | { sha256_stdin; echo "$SHA"; })
  sf_sha=$(head -c "$SIZE" "$A/$1" | { sha256_stdin; echo "$SHA"; })
  if [ "$SHA" = "$sf_sha" ]; then
    echo "$1 $SIZE $SHA" >>"$D/artifacts"
    warn "$1: changed while it was read; its first $SIZE bytes were kept"
  else
    warn "$1: not collected: it changed each time it was read"
  fi
}

# Pushed files travel in parts of bounded size, each an artifact of its own.
split_parts() {
  while read -r sp_path sp_size sp_sha; do
    if [ "$sp_size" -le "$step_part_bytes" ]; then echo "$sp_path $sp_size $sp_sha"; continue; fi
    sp_n=0 sp_from=0
    while [ "$sp_from" -lt "$sp_size" ]; do
      sp_bytes=$((sp_size - sp_from))
      if [ "$sp_bytes" -gt "$step_part_bytes" ]; then sp_bytes=$step_part_bytes; fi
      SHA=$(file_range "$A/$sp_path" "$sp_from" "$sp_bytes" | { sha256_stdin; echo "$SHA"; })
      printf '%s.part%04d %s %s\n' "$sp_path" "$sp_n" "$sp_bytes" "$SHA"
      sp_n=$((sp_n + 1)) sp_from=$((sp_from + sp_bytes))
    done
  done <"$D/artifacts" >"$D/artifacts.new" && mv "$D/artifacts.new" "$D/artifacts"
}

file_range() { # FILE FROM BYTES
  if [ "$2" -eq 0 ]; then head -c "$3" "$1"; else tail -c "+$(($2 + 1))" "$1" 2>/dev/null | head -c "$3"; fi
}

# A part's name is its file's and a number: sets PART_FILE, PART_FROM, and PART_BYTES where it ends before the file does.
resolve_part() { # PATH below the attempt folder
  PART_FILE=$A/$1 PART_FROM=0 PART_BYTES=
  case $1 in
    *.part[0-9][0-9][0-9][0-9])
      if [ ! -f "$A/$1" ] && [ "$step_part_bytes" -gt 0 ]; then
        PART_FILE=$A/${1%.part*}
        rp_n=1${1##*.part}
        PART_FROM=$(((rp_n - 10000) * step_part_bytes)) PART_BYTES=$step_part_bytes
      fi
      ;;
  esac
}

# --- The result ---------------------------------------------------------------------------------------------------------

unit_json() { # UNIT-FOLDER NAME KIND: sets UJ
  uj_started= uj_ended= uj_code= uj_signal=- uj_ready= uj_why= uj_by= uj_cpus=
  { read -r uj_started <"$1/started"; } 2>/dev/null
  { read -r uj_ended uj_code uj_signal <"$1/ended"; } 2>/dev/null
  { read -r uj_ready <"$1/ready"; } 2>/dev/null
  { read -r uj_why <"$1/why"; } 2>/dev/null
  { read -r uj_by uj_cpus <"$1/pinned"; } 2>/dev/null
  if [ -z "$uj_started" ]; then uj_outcome=notStarted
  elif [ -n "$uj_why" ]; then uj_outcome=$uj_why
  elif [ -z "$uj_ended" ]; then if [ -n "$uj_ready" ]; then uj_outcome=ready; else uj_outcome=stopped; fi
  elif [ "$uj_signal" != - ]; then uj_outcome=signaled
  else uj_outcome=exited; fi
  UJ="{\"name\":\"$2\",\"kind\":\"$3\",\"outcome\":\"$uj_outcome\""
  if [ -n "$uj_ended" ] && [ "$uj_signal" = - ]; then UJ="$UJ,\"exitCode\":$uj_code"; fi
  if [ -n "$uj_ended" ] && [ "$uj_signal" != - ]; then UJ="$UJ,\"signal\":\"$uj_signal\""; fi
  UJ="$UJ${uj_started:+,\"startedAt\":$uj_started}${uj_ended:+,\"endedAt\":$uj_ended}${uj_ready:+,\"readyAt\":$uj_ready}"
  if [ -n "$uj_cpus" ]; then UJ="$UJ,\"pinned\":{\"by\":\"$uj_by\",\"cpus\":\"$uj_cpus\"}"; fi
  UJ="$UJ}"
}

units_json() { # sets UNITS: this step's units, and the services that it stopped; NOW is no earlier then
  UNITS= us_i=1
  while [ "$us_i" -le "$step_units" ]; do
    get "$us_i" kind; us_kind=$V
    get "$us_i" name
    unit_json "$D/units/$V" "$V" "$us_kind"
    UNITS=${UNITS:+$UNITS,}$UJ
    # The end is read off the uptime, whose steps are coarser than the clock of the units' times.
    for us_time in $uj_ready $uj_ended; do
      if [ "$us_time" -gt "$NOW" ]; then NOW=$us_time; fi
    done
    us_i=$((us_i + 1))
  done
  for us_pair in ${STOPPED:-}; do
    unit_json "$S/steps/${us_pair%/*}/units/${us_pair##*/}" "${us_pair##*/}" service
    UNITS=${UNITS:+$UNITS,}$UJ
  done
}

lines_json() { # FILE: sets LINES_JSON to an array of its lines
  LINES_JSON=
  if [ -s "$1" ]; then
    while IFS= read -r lj_line; do
      json "$lj_line"
      LINES_JSON=${LINES_JSON:+$LINES_JSON,}$J
    done <"$1"
  fi
  LINES_JSON="[$LINES_JSON]"
}

disk_check() {
  [ "$step_units" -gt 0 ] || [ "$step_collect" -gt 0 ] || return 0
  # Room for 64 KiB is tried, which needs no process.
  if [ -f "$S/reserve" ] && { printf '%65536s' '' >"$S/room"; } 2>/dev/null; then : >"$S/room"; return 0; fi
  if [ -f "$S/room" ]; then : >"$S/room"; fi
  dk_free=$(df -Pk "$ROOT" 2>/dev/null | { read -r _; read -r _ _ _ dk_kib _ dk_mount; say "$dk_kib $dk_mount"; })
  if [ -n "$dk_free" ] && { [ "${dk_free%% *}" -lt 64 ] || [ ! -f "$S/reserve" ]; }; then
    rm -f "$S/reserve"
    warn "the disk is full: ${dk_free%% *} KiB left on ${dk_free#* }"
    if [ -n "$FAIL_CLASS" ]; then FAIL_MESSAGE="$FAIL_MESSAGE; the disk is full (${dk_free#* })"; fi
  fi
}

write_result() {
  for wr_cut in "$K"/cut/*; do
    [ -f "$wr_cut" ] && [ ! -f "$D/guard" ] || continue
    if { read -r wr_bytes wr_cap <"$wr_cut"; } 2>/dev/null; then
      warn "${wr_cut##*/}: cut at $wr_cap bytes; at least $wr_bytes more were written"
      rm -f "$wr_cut"
    fi
  done
  about_now
  units_json
  lines_json "$D/missing"; wr_missing=$LINES_JSON
  lines_json "$D/warnings"
  wr_fail=
  if [ -n "$FAIL_CLASS" ]; then
    json "$FAIL_MESSAGE"
    wr_fail=",\"failure\":{\"class\":\"$FAIL_CLASS\",\"message\":$J"
    json "$step_host"
    wr_fail="$wr_fail,\"host\":$J${FAIL_EVIDENCE:+,\"evidence\":\"$FAIL_EVIDENCE\"}}"
  fi
  # A few need no process.
  wr_artifacts= wr_n=0
  if [ -s "$D/artifacts" ]; then
    while [ $wr_n -le 20 ] && read -r wr_path wr_bytes wr_sha; do
      wr_artifacts="${wr_artifacts:+$wr_artifacts,}{\"path\":\"$wr_path\",\"bytes\":$wr_bytes,\"sha256\":\"$wr_sha\"}"
      wr_n=$((wr_n + 1))
    done <"$D/artifacts"
    if [ $wr_n -gt 20 ]; then wr_artifacts=; fi
  fi
  wr_head="{\"stepId\":\"$STEP\",\"host\":\"$step_host\",\"units\":[$UNITS],\"artifacts\":[$wr_artifacts"
  wr_tail="],\"missing\":$wr_missing,\"warnings\":$LINES_JSON$wr_fail,\"startedAt\":$SINCE,\"endedAt\":$NOW"
  wr_tail="$wr_tail${LATE:+,\"startLateMs\":$LATE}}"
  wr_long=1
  if [ -z "$wr_artifacts" ] && [ -s "$D/artifacts" ]; then wr_long=2; elif [ $((${#wr_head} + ${#wr_tail})) -lt 4000 ]; then wr_long=0; fi
  wr_n=0
  # What fits a page is written at once, and is whole or not there.
  until
    case $wr_long in
      0) { printf '%s' "$wr_head$wr_tail" >"$D/result.json"; } 2>/dev/null ;;
      *)
        {
          printf '%s' "$wr_head" &&
            if [ $wr_long = 2 ]; then
              awk '{ printf "%s{\"path\":\"%s\",\"bytes\":%s,\"sha256\":\"%s\"}", (NR > 1 ? "," : ""), $1, $2, $3 }' "$D/artifacts"
            fi && printf '%s' "$wr_tail"
        } >"$D/result.new" && mv "$D/result.new" "$D/result.json"
        ;;
    esac
  do
    # A full disk: free what is ours, then wait for room until the deadline.
    rm -rf "$S/reserve" "$D"/collect.*
    wr_n=$((wr_n + 1))
    if [ $wr_n -gt 1 ]; then sleep 5; fi
  done
  notify
  post "$D/push-fifo" done
}

# --- The runner of one step -------------------------------------------------------------------------------------------

cmd_run() { # FOLDER
  open_step "$1" || exit 0
  if [ "$ME" = $$ ]; then init_state; fi
  try_own "$D/runner" || exit 0
  # Opened before the files are looked at: what is posted from here on waits for us.
  exec 3<>"$D/fifo"
  [ ! -s "$D/superseded" ] || { leave; exit 0; }
  trap '' HUP INT
  trap ': >"$D/stop"; echo stop >&3' TERM
  if [ "$ME" = $$ ]; then enter; find_tools; fi
  # A reset makes them when it has cleared what was there.
  if [ "$step_resets" = 0 ]; then make_attempt; fi
  cr_i=1
  while [ "$cr_i" -le "$step_units" ]; do eval "u${cr_i}_state=notStarted"; cr_i=$((cr_i + 1)); done
  HALT= FAIL_CLASS= FAIL_MESSAGE= FAIL_EVIDENCE= LATE= STOPPED=
  about_now
  if [ "$step_units" -gt 0 ] || [ "$step_go" = 1 ] || [ "$step_guard" = 1 ]; then
    alarm $((step_deadline - NOW)) deadline
  fi
  SINCE=$NOW
  if [ -f "$D/push" ] && [ ! -f "$D/acknowledged" ]; then owner_of "$D/pusher" || spawn _push "$F"; fi

  if [ -s "$D/result.json" ]; then
    REVIVED=1 # a runner before us was killed while it watched over services
  elif [ -n "${step_boot:-}" ]; then
    resume_dead
    finish
  else
    echo "step_boot='$BOOT' step_session='${RUNNER_SESSION:-}'" >>"$D/step.sh"
    run_step
    finish
  fi
  if [ "$HALT" != superseded ]; then watch_services; fi
  leave
  if [ -s "$S/sweep" ] && ! is_ticked; then sweep_ahead; fi
}

leave() {
  end_timers
  if [ -n "${REVIVED:-}" ]; then
    # Timers of the runner that was killed.
    for le_env in $(grep -l -F -e "REPRISE_RUNNER=$ID:_run $F;" /proc/[0-9]*/environ 2>/dev/null); do
      le_pid=${le_env#/proc/} le_pid=${le_pid%/environ}
      if [ "$le_pid" != "$ME" ]; then kill -KILL "$le_pid" 2>/dev/null; fi
    done
    # Where it was a fork, they carry its parent's name, and are known by their session.
    {
      while read -r le_pid; do
        { read -r le_stat <"/proc/$le_pid/stat"; } 2>/dev/null || continue
        # shellcheck disable=SC2086 # fields
        set -- ${le_stat##*) }
        if [ "$4" = "${step_session:-}" ]; then kill "$le_pid" 2>/dev/null; fi
      done
    } 2>/dev/null <"$D/timers"
  fi
  # Empty means ended, and costs no process.
  for le_file in "$K/guard.$F" "$D/runner"; do
    if [ -f "$le_file" ]; then : >"$le_file"; fi
  done
}

# The runner before us died in the middle. What it started is stopped; nothing is started twice.
resume_dead() {
  REVIVED=1
  { read -r SINCE <"$D/since"; } 2>/dev/null
  if [ "$step_boot" != "$BOOT" ]; then
    # Nothing of it can run any more, whatever the records say.
    rd_i=1
    while [ "$rd_i" -le "$step_units" ]; do
      load_unit "$rd_i"
      : >"$K/unit.$U_NAME"
      if is_running "$U"; then echo stopped >"$U/why"; echo 0 0 >"$U/pid"; fi
      rd_i=$((rd_i + 1))
    done
    fail boot "host rebooted"
  else
    fail defect "the supervisor of this step was killed" "log"
  fi
}

run_step() {
  prepare_step
  rs_at=
  if [ "$step_go" = 1 ]; then
    : >"$D/prepared"
    notify
    while [ -z "$HALT" ] && [ ! -s "$D/go" ]; do
      if [ -f "$D/stop" ]; then HALT=stop; else next_event; fi
    done
    if [ -z "$HALT" ]; then
      read -r rs_at <"$D/go"
      await_instant "$rs_at"
    fi
  fi
  if [ -n "$rs_at" ]; then now; else about_now; fi
  SINCE=$NOW
  REPRISE_START_AT=${rs_at:-$NOW}
  export REPRISE_START_AT
  if [ -n "$rs_at" ]; then LATE=$((NOW > rs_at ? NOW - rs_at : 0)); fi
  [ -z "$HALT" ] || return
  # What stops and collects is all that there is time for.
  if [ -n "${step_notice:-}" ] && [ "$step_stops" = none ]; then look_for_notice; fi
  # Records are written after the start instant has passed by, or they would delay it.
  if [ "$step_units" -gt 0 ]; then run_units; fi
  if [ "$step_guard" = 1 ] && [ "$JOBS" = 0 ]; then
    echo "$SINCE" >"$D/since"
    if [ "$step_units" = 0 ] && [ -z "$HALT" ]; then guard_services; fi
    while [ -z "$HALT" ]; do next_event; done
  fi
}

await_instant() { # MS: sleeps until shortly before, then reads the clock until it is there
  now
  EV=
  if [ $(($1 - NOW)) -gt 40 ]; then
    timer $(($1 - NOW - 25)) instant
    while [ -z "$HALT" ] && [ "$EV" != instant ]; do next_event; done
  fi
  now
  # A sleep is late by less than this; the clock, read again and again, costs a process each time.
  if [ $(($1 - NOW)) -gt 5 ]; then to_sec $(($1 - NOW - 4)); sleep "$SEC"; fi
  ai_n=0
  while now; [ "$NOW" -lt "$1" ] && [ -z "$HALT" ] && [ $ai_n -lt 5000 ]; do ai_n=$((ai_n + 1)); done
}

JOBS=0 ru_kinds=
run_units() {
  # Jobs first where there is nothing before them: their instant is now.
  ru_i=1
  while [ "$ru_i" -le "$step_units" ]; do get "$ru_i" kind; ru_kinds="$ru_kinds $V"; ru_i=$((ru_i + 1)); done
  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = command ] || continue
    [ -f "$D/since" ] || echo "$SINCE" >"$D/since"
    if [ -f "$D/stop" ]; then HALT=${HALT:-stop}; fi
    [ -z "$HALT" ] || break
    start_unit "$ru_i"
    # Not before: a sampler that finds nothing running leaves, and so does one that looks between two commands.
    start_sampler
    while eval "[ \$u${ru_i}_state = running ]" && [ -z "$HALT" ]; do next_event; done
  done

  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = service ] && [ -z "$HALT" ] || continue
    load_unit "$ru_i"
    log_sizes
    echo "$F $U_NAME" >>"$K/services"
    start_unit "$ru_i"
    get "$I" ready_timeout
    alarm "$V" unready "$U_NAME"
    probe_unit </dev/null &
    eval "u${I}_probe=$!"
  done
  case $ru_kinds in *service*) start_sampler ;; esac
  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = service ] || continue
    while eval "[ \$u${ru_i}_state = running ]" && [ -z "$HALT" ]; do next_event; done
  done

  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = job ] && [ -z "$HALT" ] || continue
    JOBS=1
    start_unit "$ru_i"
  done
  [ -f "$D/since" ] || echo "$SINCE" >"$D/since"
  if [ "$JOBS" = 1 ]; then start_sampler; fi
  if [ "$step_guard" = 1 ]; then guard_services; fi
  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = event ] && [ -z "$HALT" ] || continue
    load_unit "$ru_i"
    arm_event
  done
  ru_i=0
  for ru_kind in $ru_kinds; do
    ru_i=$((ru_i + 1))
    [ "$ru_kind" = job ] || continue
    while eval "[ \$u${ru_i}_state = running ]" && [ -z "$HALT" ]; do next_event; done
  done
}

guard_services() {
  if [ "$step_units" = 0 ]; then : >"$D/guard"; fi
  echo "$F" >"$K/guard.$F"
  [ -f "$K/services" ] || return
  while read -r _ gs_name; do
    # Ended between its phase and ours: the keeper found no guard to tell.
    service_ended "$gs_name"
  done <"$K/services"
}

prepare_step() {
  clear_older
  if [ "$step_resets" = 1 ]; then reset_attempt; fi
  if [ "$step_stops" = all ]; then stop_attempt; fi
  ps_i=1
  while [ "$ps_i" -le "$step_units" ] && [ -z "$HALT" ]; do prepare_unit "$ps_i"; ps_i=$((ps_i + 1)); done
}

# Ends what steps with an older fence left running, all other steps' where this one resets, and waits for their exit.
clear_older() {
  co_runners=
  for co_dir in "$S"/steps/*; do
    # Most have no runner any more.
    [ -s "$co_dir/runner" ] && [ "$co_dir" != "$D" ] && step_of "$co_dir" || continue
    if older_than_me "$RS_EPOCH" "$RS_ATTEMPT" || [ "$step_resets" = 1 ]; then
      if owner_of "$RS_D/runner"; then
        post "$RS_D/fifo" superseded
        co_runners="$co_runners $OWNER_PID"
      fi
    fi
  done
  co_n=0
  for co_pid in $co_runners; do
    while ident "$co_pid" && [ $co_n -lt 1000 ]; do sleep 0.02; co_n=$((co_n + 1)); done
    if ident "$co_pid"; then kill -KILL "$co_pid" 2>/dev/null; fi
  done
  # Whatever outlived its runner.
  if [ "$step_resets" = 1 ] && [ -z "$co_runners" ] && was_swept; then return; fi
  if [ "$step_resets" = 1 ] || [ "${step_newer:-}" = 1 ]; then kill_strays "$step_resets"; fi
}

# A search of the whole host takes long, where it runs much else. So where a step stopped everything it is made once more
# when its result is on its way, and the next reset need not, where nothing was found and nothing has started since. By the
# session that says the result, after that, where there is one; else by the runner.
ask_sweep() {
  [ "$step_stops" = all ] && [ -z "$HALT" ] || return 0
  { read -r as_last <"$S/started" && echo "$as_last" >"$S/sweep"; } 2>/dev/null
}

sweep_ahead() {
  sa_last=
  { read -r sa_last <"$S/sweep"; } 2>/dev/null
  if [ -n "$sa_last" ]; then
    : >"$S/sweep"
    find_strays 1
    if [ -z "$kw_left" ] && [ ! -f "$S/removing" ]; then echo "$BOOT $sa_last" >"$S/swept"; fi
  fi
}

was_swept() {
  ws_last= ws_swept=
  { read -r ws_last <"$S/started"; read -r ws_swept <"$S/swept"; } 2>/dev/null
  [ -n "$ws_last" ] && [ "$ws_swept" = "$BOOT $ws_last" ]
}

find_strays() { # EVERYTHING: sets kw_left to processes of units of older fences, or of all steps but this one
  marked ""
  if [ "$1" = 1 ]; then find_orphans; kw_pids="$MARKED$ORPHANS"
  else
    kw_pids=
    for kw_pid in $MARKED; do
      grep -q -F -e "REPRISE_MARKER=$ID:$step_epoch.$step_attempt:" "/proc/$kw_pid/environ" 2>/dev/null ||
        kw_pids="$kw_pids $kw_pid"
    done
  fi
  for kw_claim in "$S"/launchers/*/claim; do
    { read -r kw_epoch kw_attempt _ <"$kw_claim"; } 2>/dev/null || continue
    kw_dir=${kw_claim%/claim}
    kw_dir=$CG/l.${kw_dir##*/}
    if { [ "$1" = 1 ] || older_than_me "$kw_epoch" "$kw_attempt"; } && [ -f "$kw_dir/cgroup.procs" ]; then
      cgroup_pids "$kw_dir"
      kw_pids="$kw_pids $CG_PIDS"
    fi
  done
  if [ "$CG" != - ] && [ -s "$S/grouped" ]; then
    for kw_dir in "$CG"/[0-9]*.*; do
      [ -f "$kw_dir/cgroup.procs" ] || continue
      kw_epoch=${kw_dir##*/} kw_attempt=${kw_epoch#*.}
      kw_epoch=${kw_epoch%%.*} kw_attempt=${kw_attempt%%.*}
      if [ "$1" = 1 ] || older_than_me "$kw_epoch" "$kw_attempt"; then
        cgroup_pids "$kw_dir"
        kw_pids="$kw_pids $CG_PIDS"
        rmdir "$kw_dir" 2>/dev/null
      fi
    done
  fi
  kw_left=
  for kw_pid in $kw_pids; do
    if [ "$kw_pid" != "$ME" ] && ident "$kw_pid"; then kw_left="$kw_left $kw_pid"; fi
  done
}

kill_strays() { # EVERYTHING, as above
  kw_n=0
  while :; do
    find_strays "$1"
    [ -n "$kw_left" ] || return 0
    kw_n=$((kw_n + 1))
    if [ $kw_n -gt 250 ]; then KILL_LEFT=$kw_left; warn "still running after KILL: pid$kw_left"; return 1; fi
    # shellcheck disable=SC2086 # a list
    signal_all KILL $kw_left
    sleep 0.02
  done
}

# Daemons that left session, environment and parent behind, yet work in our folder. One process reads all the links: on a
# host with many processes the shell alone would take long.
find_orphans() { # sets ORPHANS to their pids
  ORPHANS=
  for fo_pid in $(working_here); do
    fo_pid=${fo_pid#/proc/} fo_pid=${fo_pid%/cwd}
    case " $$ ${sv_relay:-} ${sv_spool:-} " in *" $fo_pid "*) continue ;; esac
    { read -r fo_stat <"/proc/$fo_pid/stat"; } 2>/dev/null || continue
    # shellcheck disable=SC2086 # fields
    set -- ${fo_stat##*) }
    [ "$2" = 1 ] || continue
    # Our own runners and pushers work here too.
    grep -q -F -e "REPRISE_RUNNER=$ID:" "/proc/$fo_pid/environ" 2>/dev/null || ORPHANS="$ORPHANS $fo_pid"
  done
}

working_here() { # prints those /proc/PID/cwd whose folder is ours, also where it was removed under them
  case ${LINKS:-ls}$ROOT in
    ls* | *[\[\]*?\\]*) # shellcheck disable=SC2012 # the one portable way to what many links point to
      ls -ldn /proc/[0-9]*/cwd 2>/dev/null | REPRISE_HERE=$ROOT awk '
        BEGIN { here = ENVIRON["REPRISE_HERE"] }
        (at = index($0, "/cwd -> ")) {
          to = substr($0, at + 8)
          if (to != here && to != here " (deleted)" && index(to, here "/") != 1) next
          path = substr($0, index($0, "/proc/")); sub(/ .*/, "", path); print path
        }'
      ;;
    *)
      find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$ROOT" -o -lname "$ROOT/*" -o -lname "$ROOT (deleted)" \) 2>/dev/null
      ;;
  esac
}

make_attempt() { # its folders, and our name in it
  if [ ! -d "$K" ] || [ ! -d "$A" ]; then mkdir -p "$K" "$A" || exit $EX_DEFECT; fi
  [ -s "$K/dir" ] || echo "$step_dir" >"$K/dir"
  echo "$F $STEP" >>"$K/runners"
}

reset_attempt() {
  set -- "$A" "$K/services" "$K/cut" "$K/caps" "$K/live" "$K/sampled" "$S"/tmp/sampler.*
  for ra_fence in "$S"/fence.*; do
    ra_epoch=${ra_fence##*/fence.} ra_attempt=${ra_fence##*.}
    if older_than_me "${ra_epoch%%.*}" "$ra_attempt"; then set -- "$@" "$ra_fence"; fi
  done
  for ra_key in "$S"/attempts/*; do
    if owner_of "$ra_key/sampler"; then end_owner; fi
    set -- "$@" "$ra_key/runners" "$ra_key"/unit.*
    [ "$ra_key" != "$K" ] && { read -r ra_dir <"$ra_key/dir"; } 2>/dev/null || continue
    # Evidence that hasn't landed yet stays.
    if attempt_has_landed "$ra_dir"; then set -- "$@" "${ROOT:?}/$ra_dir" "$ra_key"; fi
  done
  for ra_claim in "$S"/launchers/*/claim; do
    ra_launcher=${ra_claim%/claim}
    if [ -f "$ra_claim" ] && [ ! -d "$CG/l.${ra_launcher##*/}" ]; then set -- "$@" "$ra_launcher"; fi
  done
  # A long sweep would otherwise leave a folder for each of its steps, and each step looks at all.
  for ra_old in "$S"/steps/*; do
    step_of "$ra_old" && older_than_me "$RS_EPOCH" "$RS_ATTEMPT" || continue
    if { [ "$RS_STATE" = a ] || [ -s "$ra_old/superseded" ]; } && ! owner_of "$ra_old/runner"; then
      set -- "$@" "$ra_old" "$S/names/$RS_STEP"
    fi
  done
  rm -rf "$@"
  make_attempt
  make_reserve
  if [ "$step_drop_caches" = 1 ] && [ -w /proc/sys/vm/drop_caches ]; then
    sync
    { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null
  fi
}

attempt_has_landed() { # ATTEMPT-DIR
  for al_step in "$S"/steps/*; do
    [ -s "$al_step/artifacts" ] && [ -s "$al_step/result.json" ] && step_of "$al_step" || continue
    if [ "$RS_STATE" != a ] && [ "$RS_DIR" = "$1" ]; then return 1; fi
  done
  return 0
}

# Everything of this attempt: other steps end their jobs, then the services go in reverse order of their start.
stop_attempt() {
  for st_step in "$S"/steps/*; do
    [ "$st_step" != "$D" ] && [ ! -s "$st_step/result.json" ] && step_of "$st_step" && [ "$RS_DIR" = "$step_dir" ] || continue
    : >"$RS_D/stop"
    echo "$D/fifo" >>"$RS_D/sessions" # where it tells of its end
    if owner_of "$RS_D/runner"; then post "$RS_D/fifo" stop; else spawn _run "$RS_F"; fi
    STOPPING="$STOPPING $RS_STEP"
    # A guard has nothing to end, and hears of the stop before it hears of its services' ends.
    [ -f "$RS_D/guard" ] || st_wait=1
  done
  if [ -n "${st_wait:-}" ]; then await_stopped; fi
  [ -f "$K/services" ] || return
  st_list=
  while read -r st_step st_name; do st_list="$st_step/$st_name $st_list"; done <"$K/services"
  # Whoever keeps a service tells those who guard it of its end.
  echo "$F" >"$K/guard.$F"
  BY_EVENT=1
  for st_pair in $st_list; do
    stop_unit "$S/steps/${st_pair%/*}/units/${st_pair##*/}" stopped
    STOPPED="$STOPPED $st_pair"
  done
  BY_EVENT=
  : >"$K/services"
}

STOPPING= BY_EVENT=
await_stopped() { # the steps of STOPPING
  aw_n=0
  for aw_step in $STOPPING; do
    while read_step "$S/names/$aw_step" && ! is_over "$RS_D" && [ "$HALT" != superseded ] && [ $aw_n -lt 60 ]; do
      alarm 1000 look
      next_event
      if [ "$EV" = look ]; then revive "$aw_step"; aw_n=$((aw_n + 1)); else drop_alarm look; fi
    done
  done
  STOPPING=
}

finish() {
  if [ "$HALT" = stop ] && ! { [ "$step_guard" = 1 ] && [ "$JOBS" = 0 ]; }; then fail cancelled "stopped before its end"; fi
  fi_signal= fi_grace=
  if [ "$HALT" = superseded ]; then fi_signal=KILL fi_grace=0; fi
  # shellcheck disable=SC2086 # a list of groups
  for fi_pid in $WATCHERS; do kill -TERM "-$fi_pid" 2>/dev/null || kill "$fi_pid" 2>/dev/null; done
  fi_list= fi_left= fi_i=1
  while [ "$fi_i" -le "$step_units" ]; do
    load_unit "$fi_i"
    eval "cancel \"\${u${I}_probe:-}\"; fi_launcher=\${u${I}_launcher:-}"
    if [ -n "$fi_launcher" ] && [ ! -f "$U/started" ]; then post "$fi_launcher/fifo" ''; fi
    # A job's leftovers would disturb what comes next; a command may have meant to leave something running.
    if is_running "$U" && { [ "$U_KIND" != service ] || [ -n "$HALT" ]; }; then fi_list="$U_NAME $fi_list"
    elif [ "$U_KIND" = job ] && [ -f "$U/started" ]; then fi_list="$U_NAME $fi_list"; fi
    fi_i=$((fi_i + 1))
  done
  for fi_name in $fi_list; do
    fi_unit=$D/units/$fi_name
    if is_running "$fi_unit"; then
      stop_begin "$fi_unit" stopped "$fi_signal"
    else
      has_leftovers "$fi_unit" || continue
      unit_pids "$fi_unit"
      [ -n "$PIDS" ] || continue
      warn "$fi_name: left processes behind, which were ended: pid$PIDS"
      stop_begin "$fi_unit" stopped KILL
    fi
    fi_left="$fi_left $fi_name"
  done
  for fi_name in $fi_left; do stop_finish "$D/units/$fi_name" "$fi_grace"; done
  undo_events
  if [ "$HALT" = superseded ]; then
    if [ ! -s "$D/superseded" ]; then
      # A reset of the same fence: nobody supersedes us, yet we can't go on.
      fail cancelled "another step cleared this host"
      write_nothing_collected
    fi
    return
  fi
  end_sampler
  collect
  if [ -s "$D/artifacts" ] || [ -n "$FAIL_CLASS" ]; then disk_check; fi
  await_stopped
  ask_sweep
  write_result
  # What runs needs its group: services hold theirs until they are stopped.
  case $ru_kinds$HALT in *service) ;; *) drop_cgroups ;; esac
}

# Those that still hold something, a service or what a command left on purpose, stay.
drop_cgroups() {
  [ "$CG$CGM" != -- ] || [ -d "$CPUSETS" ] || return 0
  [ -s "$S/grouped" ] || return 0
  if [ "$step_stops" = all ]; then
    : >"$S/grouped"
    set -- "$CG"/[0-9]*.* "$CGM"/[0-9]*.* "$CPUSETS"/[0-9]*.*
  else
    # Those of jobs go with the attempt's others, when it is collected.
    case $step_units$ru_kinds in 0 | *job*) return 0 ;; esac
    dg_cg=$step_epoch.$step_attempt.$step_serial
    set -- "$CG/$dg_cg".* "$CGM/$dg_cg".* "$CPUSETS/$dg_cg".*
  fi
  for dg_folder; do
    shift
    if [ -d "$dg_folder" ]; then set -- "$@" "$dg_folder"; fi
  done
  if [ $# -gt 0 ]; then rmdir -- "$@" 2>/dev/null || echo 1 >"$S/grouped"; fi
}

write_nothing_collected() {
  : >"$D/artifacts"
  : >"$D/missing"
  write_result
}

# The step is done, its services run on: somebody has to end them at the deadline.
watch_services() {
  HALT=
  while :; do
    ws_running= ws_i=1
    while [ "$ws_i" -le "$step_units" ]; do
      load_unit "$ws_i"
      if [ "$U_KIND" = service ] && is_running "$U"; then
        if leader_lives "$U" || [ ! -f "$U/pid" ]; then ws_running="$U_NAME $ws_running"; fi
      fi
      ws_i=$((ws_i + 1))
    done
    [ -n "$ws_running" ] || return 0
    if [ -n "$HALT" ]; then
      ws_signal= ws_grace=
      if [ "$HALT" = superseded ]; then ws_signal=KILL ws_grace=0; fi
      for ws_name in $ws_running; do stop_unit "$D/units/$ws_name" stopped "$ws_signal" "$ws_grace"; done
      return 0
    fi
    next_event
  done
}

# --- HTTP: curl, else node put.mjs; nothing secret is ever an argument ---------------------------------------------------

find_http() { # sets HTTP_TOOL
  if command -v curl >/dev/null; then HTTP_TOOL=curl
  elif command -v node >/dev/null && [ -f "$ROOT/put.mjs" ]; then HTTP_TOOL=node
  else HTTP_TOOL=none; return 1; fi
}

http_get() { # URL: true for an answer below 400
  find_http || { command -v wget >/dev/null && wget -q -T 2 -O /dev/null "$1" 2>/dev/null; return; }
  if [ $HTTP_TOOL = curl ]; then curl -q -sf -o /dev/null --max-time 2 "$1" 2>/dev/null
  else
    json "$1"
    hg_code=$(printf '{"method":"GET","url":%s,"headers":{},"timeoutMs":2000}' "$J" | node "$ROOT/put.mjs" 2>/dev/null)
    [ "${hg_code:-0}" -ge 200 ] && [ "$hg_code" -lt 400 ]
  fi
}

conf_quote() { # TEXT: sets Q for a curl config file
  case $1 in *[\\\"]*) Q=\"$(printf '%s\n' "$1" | awk '{ gsub(/[\\"]/, "\\\\&"); print }')\" ;; *) Q=\"$1\" ;; esac
}

# METHOD URL FILE MAX_SEC: sends FILE with the "name: value" lines of $P/headers; sets HTTP to the status, 000 for none,
# and leaves the answer in $P/answer.
http_send() {
  : >"$P/answer"
  if [ $HTTP_TOOL = curl ]; then
    {
      conf_quote "$2"; say "url = $Q"
      echo "request = $1"
      while IFS= read -r hs_line; do conf_quote "$hs_line"; say "header = $Q"; done <"$P/headers"
      echo 'header = "expect:"'
      conf_quote "$3"
      if [ "$1" = PUT ]; then say "upload-file = $Q"; else conf_quote "@$3"; say "data-binary = $Q"; fi
      conf_quote "$P/answer"; say "output = $Q"
      echo "max-time = $4"
      # A dead connection must not hold an upload for as long as it may take.
      printf 'connect-timeout = 10\nspeed-limit = 1\nspeed-time = 30\nmax-filesize = 1048576\nsilent\nwrite-out = "%%{http_code}"\n'
    } >"$P/request"
    HTTP=$(curl -q -K "$P/request" 2>"$P/error")
  else
    {
      json "$2"; printf '{"method":"%s","url":%s,"headers":{' "$1" "$J"
      hs_comma=
      while IFS= read -r hs_line; do
        json "${hs_line%%:*}"; printf '%s%s:' "$hs_comma" "$J"
        json "${hs_line#*: }"; printf '%s' "$J"
        hs_comma=,
      done <"$P/headers"
      json "$3"; printf '},"file":%s' "$J"
      json "$P/answer"; printf ',"answer":%s,"timeoutMs":%s}' "$J" "${4}000"
    } >"$P/request"
    HTTP=$(node "$ROOT/put.mjs" <"$P/request" 2>"$P/error")
  fi
  rm -f "$P/request"
  HTTP=${HTTP:-000}
}

# Reads JSON into "key.key<TAB>value" lines: enough for the endpoint's answers, which are small objects of strings.
flatten() { # FILE
  awk '
    function ws() { while (p <= n && index(" \t\r\n", substr(s, p, 1))) p++ }
    function hex(h,   i, v) { v = 0; for (i = 1; i <= 4; i++) v = v * 16 + index("0123456789abcdef", tolower(substr(h, i, 1))) - 1; return v }
    function str(   o, c, h) {
      if (substr(s, p, 1) != "\"") { bad = 1; return "" }
      for (p++; p <= n; p++) {
        c = substr(s, p, 1)
        if (c == "\"") { p++; return o }
        if (c == "\\") {
          c = substr(s, ++p, 1)
          if (c == "u") { h = hex(substr(s, p + 1, 4)); p += 4; c = (h >= 32 && h < 127) ? sprintf("%c", h) : "?" }
          else if (index("bfnrt", c)) c = " "
        }
        o = o c
      }
      bad = 1
    }
    function value(key,   c, k, i, v) {
      ws(); c = substr(s, p, 1)
      if (c == "\"") { v = str(); if (!bad) print key "\t" v; return }
      if (c == "{" || c == "[") {
        p++; ws()
        if (substr(s, p, 1) == (c == "{" ? "}" : "]")) { p++; return }
        for (i = 0; !bad && p <= n; i++) {
          ws(); k = i
          if (c == "{") { k = str(); ws(); if (substr(s, p++, 1) != ":") bad = 1 }
          value(key == "" ? k : key "." k); ws()
          v = substr(s, p++, 1)
          if (v == (c == "{" ? "}" : "]")) return
          if (v != ",") bad = 1
        }
        bad = 1; return
      }
      if (match(substr(s, p), /^[-+.0-9A-Za-z]+/)) { print key "\t" substr(s, p, RLENGTH); p += RLENGTH } else bad = 1
    }
    { s = s $0 "\n" }
    END { n = length(s); p = 1; value(""); exit bad }' "$1"
}

field() { # NAME: sets V to that field of the flattened answer
  V=$(awk -F '\t' -v k="$1" '$1 == k { print substr($0, length(k) + 2); exit }' "$P/flat")
}

ask() { # CALL MAX_SEC: posts $P/body; true for 2xx, with the answer flattened in $P/flat
  echo 'content-type: application/json' >"$P/headers"
  http_send POST "$step_endpoint/$1" "$P/body" "$2"
  case $HTTP in 2??) ;; *) return 1 ;; esac
  flatten "$P/answer" >"$P/flat" 2>/dev/null || : >"$P/flat"
}

# Lands one file: asks for a URL with its length and digest, then puts exactly that.
push_file() { # PATH BYTES SHA256 FILE [CHUNK-NUMBER]
  printf '{"capability":%s,"path":"%s","bytes":%s,"sha256":"%s"%s}' \
    "$CAPABILITY" "$1" "$2" "$3" "${5:+,\"live\":$5}" >"$P/body"
  ask upload 30 || return 1
  field landed
  if [ "$V" = true ]; then return 0; fi
  field url
  [ -n "$V" ] || return 1
  pf_url=$V
  awk -F '\t' 'index($1, "headers.") == 1 { print substr($1, 9) ": " substr($0, length($1) + 2) }' "$P/flat" >"$P/headers"
  http_send PUT "$pf_url" "$4" 3600
  # 412: something is there already, most likely ours with the reply lost; the store and the manifest tell if not.
  case $HTTP in 200 | 201 | 204 | 412) return 0 ;; *) return 1 ;; esac
}

push_live() {
  try_own "$K/live.lock" || return 0 # a step of this attempt that overlaps with ours does it
  mkdir -p "$K/live"
  pl_down=
  {
    (cd "$A" && for pl_path in *.out *.err; do [ -f "$pl_path" ] && echo "$pl_path"; done)
    declared_files
  } 2>/dev/null | sort -u >"$P/live"
  while read -r pl_path; do
    pl_state=$K/live/$(echo "$pl_path" | tr / %)
    pl_from=0 pl_chunk=0
    { read -r pl_from pl_chunk <"$pl_state"; } 2>/dev/null
    pl_n=0
    while size_of "$A/$pl_path" && [ "$SIZE" -gt "$pl_from" ] && [ $pl_n -lt 8 ] && [ -z "$pl_down" ]; do
      file_range "$A/$pl_path" "$pl_from" 4194304 >"$P/chunk"
      size_of "$P/chunk"
      sha256 "$P/chunk"
      if push_file "$pl_path" "$SIZE" "$SHA" "$P/chunk" "$pl_chunk"; then
        pl_from=$((pl_from + SIZE)) pl_chunk=$((pl_chunk + 1))
        echo "$pl_from $pl_chunk" >"$pl_state.new" && mv "$pl_state.new" "$pl_state"
      else pl_down=1; fi
      pl_n=$((pl_n + 1))
    done
  done <"$P/live"
  rm -f "$P/chunk" "$K/live.lock"
}

declared_files() { # files below A so far that this step collects, or whose growth is of interest
  df_patterns= df_i=1
  while [ "$df_i" -le "$step_collect" ]; do
    eval "df_patterns=\"\$df_patterns|\$c${df_i}_pattern\""
    df_i=$((df_i + 1))
  done
  df_i=1
  while [ "$df_i" -le "$step_live" ]; do
    eval "df_patterns=\"\$df_patterns|\$l${df_i}_pattern\""
    df_i=$((df_i + 1))
  done
  [ -n "$df_patterns" ] || return 0
  (cd "$A" 2>/dev/null && find . -type f ! -path '*[!A-Za-z0-9._=+@/-]*') |
    REPRISE_PATTERN=${df_patterns#|} awk '{ path = substr($0, 3); if (path ~ ENVIRON["REPRISE_PATTERN"]) print path }'
}

push_files() {
  [ -s "$D/artifacts" ] || return 0
  [ -f "$P/landed" ] || : >"$P/landed"
  ps_all=1
  while read -r ps_path ps_bytes ps_sha; do
    if grep -qxF -e "$ps_path" "$P/landed"; then continue; fi
    resolve_part "$ps_path"
    ps_file=$PART_FILE
    size_of "$ps_file" || { warn "$ps_path: gone before it was uploaded"; echo "$ps_path" >>"$P/landed"; continue; }
    if [ "$PART_FROM" != 0 ] || [ "$SIZE" != "$ps_bytes" ]; then
      file_range "$ps_file" "$PART_FROM" "$ps_bytes" >"$P/range"
      ps_file=$P/range
    fi
    if push_file "$ps_path" "$ps_bytes" "$ps_sha" "$ps_file"; then echo "$ps_path" >>"$P/landed"
    else
      ps_all=0
      if [ "$HTTP" = 000 ]; then break; fi
    fi
  done <"$D/artifacts"
  rm -f "$P/range"
  [ $ps_all = 1 ]
}

push_report() {
  { printf '{"capability":%s,"result":' "$CAPABILITY"; cat "$D/result.json"; printf '}'; } >"$P/body"
  ask report 60
}

push_beats() { # in the background of a pusher
  pb_pid=
  trap 'kill $pb_pid 2>/dev/null; exit 0' TERM
  P=$P/beat
  mkdir -p "$P"
  to_sec "$step_beat_ms"
  while owner_of "$D/pusher"; do
    if [ -s "$D/result.json" ]; then pb_state=done
    elif [ -f "$D/since" ]; then pb_state=running
    else pb_state=armed; fi
    printf '{"capability":%s,"stepId":"%s","state":"%s"}' "$CAPABILITY" "$STEP" "$pb_state" >"$P/body"
    if ask beat 30; then
      field answer
      case $V in
        stop) if [ ! -f "$D/stop" ]; then : >"$D/stop"; post "$D/fifo" stop; fi ;;
        superseded)
          if [ ! -s "$D/result.json" ]; then
            field by.epoch; pb_epoch=${V:-$step_epoch}
            field by.attempt
            echo "$step_run $pb_epoch ${V:-$step_attempt}" >"$D/superseded"
            post "$D/fifo" superseded
          fi
          : >"$D/abandoned"
          post "$D/push-fifo" done
          ;;
      esac
    fi
    sleep "$SEC" &
    pb_pid=$!
    wait $pb_pid
  done
}

pause() { # MS, cut short by a message
  timer "$1" tick
  read -r _ <&3
  end_timers
  wait "$TIMER" 2>/dev/null # or the shell's table of children grows for days
}

# Reports one step for as long as it takes: beats and growing logs while it runs, then its files and its result.
cmd_push() { # FOLDER
  open_step "$1" || exit 0
  init_state
  try_own "$D/pusher" || exit 0
  exec 3<>"$D/push-fifo"
  trap '' HUP
  enter
  P=$D/out
  umask 077
  mkdir -p "$P"
  if ! find_http; then
    warn "no curl and no node on this host: nothing is uploaded, the control side has to pull"
    mv "$D/push" "$D/pull"
    rm -f "$D/pusher"
    exit 0
  fi
  json "$step_capability"; CAPABILITY=$J
  push_beats </dev/null &
  cp_beats=$!
  while ! is_over "$D" && [ ! -f "$D/abandoned" ]; do
    push_live
    is_over "$D" || pause "$step_live_ms"
    if ! is_over "$D"; then revive "$STEP"; fi
  done
  if [ ! -f "$P/until" ]; then
    now
    if [ "$NOW" -lt "$step_deadline" ]; then NOW=$step_deadline; fi
    echo $((NOW + step_grace_ms)) >"$P/until"
  fi
  read -r cp_until <"$P/until"
  cp_ms=$step_retry_ms
  while [ -s "$D/result.json" ] && [ ! -f "$D/acknowledged" ] && [ ! -f "$D/abandoned" ]; do
    if push_files && push_report; then
      acknowledge "$STEP"
      break
    fi
    now
    [ "$NOW" -lt "$cp_until" ] || break
    # Up to a fifth later, by our pid: hosts that failed together shall not return together.
    pause $((cp_ms + cp_ms * ($$ % 20) / 100))
    cp_ms=$((cp_ms * 2))
    if [ $cp_ms -gt 60000 ]; then cp_ms=60000; fi
  done
  TIMERS=$cp_beats
  end_timers
  rm -rf "$P/beat" "$P/body" "$P/answer" "$P/flat" "$P/headers" "$D/pusher"
}

# --- Verbs --------------------------------------------------------------------------------------------------------------

cmd_put() { # PATH MODE SHA256: a file's bytes on stdin
  check_path "$1"
  case $2 in [0-7][0-7][0-7] | [0-7][0-7][0-7][0-7]) ;; *) die $EX_USAGE "not a mode: $2" ;; esac
  init_state
  mkdir -p "$(dirname "$ROOT/$1")" || die $EX_DEFECT "can't make a folder for $1"
  put_new=$ROOT/$1.new.$$
  (umask 077 && cat >"$put_new") || { rm -f "$put_new"; die $EX_DEFECT "can't write $1"; }
  sha256 "$put_new"
  [ "$SHA" = "$3" ] || { rm -f "$put_new"; die $EX_TORN "$1 arrived torn: sha256 $SHA"; }
  chmod "$2" "$put_new" && mv "$put_new" "$ROOT/$1" || die $EX_DEFECT "can't write $1"
  echo '{"kind":"put"}'
}

superseded_json() { # RUN EPOCH ATTEMPT
  echo "{\"kind\":\"superseded\",\"by\":{\"runId\":\"$1\",\"epoch\":$2,\"attempt\":$3}}"
}
step_superseded_json() { # of the step in D
  read -r su_run su_epoch su_attempt <"$D/superseded"
  superseded_json "$su_run" "$su_epoch" "$su_attempt"
}

cmd_arm() { # STEP SHA256: the step's text on stdin
  check_name "$1"
  init_state
  make_serial
  ar_new=$S/steps/$SERIAL.0
  { mkdir -p "$ar_new/waiters" && mkfifo "$ar_new/fifo" "$ar_new/waiters/$$"; } || no_room
  (umask 077 && cat >"$ar_new/step.sh")
  sha256 "$ar_new/step.sh"
  [ "$SHA" = "$2" ] || { rm -rf "$ar_new"; die $EX_TORN "the step arrived torn: sha256 $SHA"; }
  arm_step "$1" || return 0
  # Who will say go needs to know that nothing is left to prepare; others need not wait.
  if [ "$step_go" = 1 ]; then wait_for 20000 is_prepared; fi
  echo "{\"kind\":\"$ar_answer\"}"
}

# What folders made by this process are named by: no other's, and its pid tells whether they may still be wanted.
make_serial() { # sets SERIAL
  uptime_ms
  SERIAL=${BOOT%"${BOOT#????}"}$((UPTIME / 10)).$$
}

remove_spares() { # folders for steps to come whose maker is gone, or is this process
  rs_taken=
  for rs_step in "$S"/names/*; do
    if read_step "$rs_step"; then rs_taken="$rs_taken $RS_F "; fi
  done
  set --
  for rs_folder in "$S"/steps/*; do
    case $rs_taken in *" ${rs_folder##*/} "*) continue ;; esac
    rs_pid=${rs_folder%.*}
    rs_pid=${rs_pid##*.}
    if [ "$rs_pid" = $$ ] || ! ident "$rs_pid"; then set -- "$@" "$rs_folder"; fi
  done
  if [ $# -gt 0 ]; then rm -rf "$@"; fi
}

# The step whose text is in $ar_new: sets ar_answer; false, with the answer given, where a newer fence forbids it.
arm_step() { # STEP
  # shellcheck source=/dev/null
  . "$ar_new/step.sh"
  [ "${step_end:-}" = 1 ] || { rm -rf "$ar_new"; die $EX_TORN "the step arrived torn"; }
  [ "$step_format" = 1 ] && [ "$step_id" = "$1" ] || { rm -rf "$ar_new"; die $EX_USAGE "not the text of step $1"; }
  check_path "$step_dir"
  find_step "$1"

  # No lock, which costs a process: whoever raises the fence, or removes this root, says so first and looks at all steps
  # then; who arms one makes it seen first, and looks at the fence once more then.
  if [ -f "$S/removing" ]; then rm -rf "$ar_new"; die $EX_BUSY "this root is being removed"; fi
  if [ ! -s "$S/run" ]; then
    set -C
    { echo "$step_run" >"$S/run"; } 2>/dev/null || { set +C; [ -s "$S/run" ] || echo "$step_run" >"$S/run" || no_room; }
    set +C
  fi
  read_fence
  if [ "$ar_run" != "$step_run" ]; then
    rm -rf "$ar_new"
    die $EX_FOREIGN "this root belongs to run $ar_run"
  fi
  if older_than_me "$ar_epoch" "$ar_attempt"; then
    : >"$S/fence.$step_epoch.$step_attempt" || no_room
    echo "step_newer=1" >>"$ar_new/step.sh"
    for ar_step in "$S"/steps/*; do
      ! is_over "$ar_step" && step_of "$ar_step" && older_than_me "$RS_EPOCH" "$RS_ATTEMPT" || continue
      record "$RS_D/superseded" "$step_run $step_epoch $step_attempt"
      post "$RS_D/fifo" superseded
    done
  elif [ "$ar_epoch $ar_attempt" != "$step_epoch $step_attempt" ]; then
    rm -rf "$ar_new"
    superseded_json "$ar_run" "$ar_epoch" "$ar_attempt"
    return 1
  fi
  if [ -s "$D/superseded" ]; then
    rm -rf "$ar_new"
    step_superseded_json
    return 1
  fi
  if [ -f "$D/step.sh" ] || ! name_folder "$1"; then
    ar_answer=already
    rm -rf "$ar_new"
  else
    ar_answer=armed
    read_fence
    if [ "$ar_run $ar_epoch $ar_attempt" != "$step_run $step_epoch $step_attempt" ]; then
      record "$D/superseded" "$ar_run $ar_epoch $ar_attempt"
      unlock
      step_superseded_json
      return 1
    fi
  fi
  STEP=$1
  if [ $ar_answer = already ]; then
    if [ -n "${SESSION:-}" ]; then echo "$SESSION/in" >>"$D/sessions"; fi
    revive "$1"
  elif [ -n "${SESSION:-}" ]; then echo "$F" >&4
  else spawn _run "$F"; fi
  unlock
}

# Makes the folder the step's; false where somebody was faster. Until it has its name it is nobody's.
name_folder() { # STEP
  ar_serial=0
  { read -r ar_serial <"$S/serial"; } 2>/dev/null
  {
    echo $((ar_serial + 1)) >"$S/serial" && echo "step_serial='$((ar_serial + 1))'" >>"$ar_new/step.sh" &&
      { [ "$step_part_bytes" = 0 ] || echo "$step_part_bytes" >"$S/part-bytes"; } &&
      { [ "$step_push" != 1 ] || : >"$ar_new/push"; } &&
      { [ "$step_push" != 1 ] || mkfifo "$ar_new/push-fifo"; }
  } || no_room
  if [ "$step_boot_hook" = 1 ]; then hook_boot; fi
  nf_record="${ar_new##*/} -
$step_epoch $step_attempt $step_dir${SESSION:+ ${SESSION##*/}}"
  set -C
  { echo "$nf_record" >"$S/names/$1"; } 2>/dev/null && nf_first=1 || nf_first=
  set +C
  if [ -z "$nf_first" ]; then
    # Empty for an instant while it is being written, for ever only if its writer died right then or the disk was full.
    [ -n "${LOCKED:-}" ] || lock
    nf_n=0
    until find_step "$1" || [ -n "$F" ] || [ $nf_n -ge 50 ]; do sleep 0.02; nf_n=$((nf_n + 1)); done
    if [ -f "$D/step.sh" ]; then return 1; fi
    echo "$nf_record" >"$S/names/$1" || no_room
  fi
  find_step "$1"
}

no_room() {
  rm -rf "$ar_new"
  die $EX_DEFECT "can't write below $S: $(df -Pk "$ROOT" | awk 'NR == 2 { print $4 " KiB free on " $6 }')"
}

# The newest fence seen is the highest of those that have a file: raising it is one step, and never lowers it.
read_fence() { # sets ar_run, ar_epoch and ar_attempt; as nobody's where this root is being removed
  ar_run= ar_epoch=-1 ar_attempt=-1
  { read -r ar_run <"$S/run"; } 2>/dev/null
  for rf_file in "$S"/fence.*; do
    [ -f "$rf_file" ] || continue
    rf_epoch=${rf_file##*/fence.} rf_attempt=${rf_file##*.}
    rf_epoch=${rf_epoch%%.*}
    if [ "$rf_epoch" -gt "$ar_epoch" ] || { [ "$rf_epoch" -eq "$ar_epoch" ] && [ "$rf_attempt" -gt "$ar_attempt" ]; }; then
      ar_epoch=$rf_epoch ar_attempt=$rf_attempt
    fi
  done
  if [ -f "$S/removing" ]; then ar_run=removed ar_epoch=0 ar_attempt=0; fi
}

is_prepared() { [ -f "$D/prepared" ] || is_over "$D"; }

# Waits without polling for a condition that the step's runner tells of; looks after that runner each second.
wait_for() { # MS CONDITION
  if "$2"; then return 0; fi
  uptime_ms
  wf_end=$((UPTIME + $1)) wf_fifo=$D/waiters/$$
  [ -p "$wf_fifo" ] || { mkdir -p "$D/waiters" && mkfifo "$wf_fifo"; } 2>/dev/null || return 1
  exec 3<>"$wf_fifo"
  trap 'rm -f "$wf_fifo"; end_timers; exit 143' TERM HUP INT
  until "$2"; do
    uptime_ms
    wf_left=$((wf_end - UPTIME))
    [ $wf_left -gt 0 ] || break
    if [ $wf_left -gt 1000 ]; then wf_left=1000; fi
    timer $wf_left tick
    read -r wf_word <&3
    # Not looked after: it ends within the second by itself, and nobody shall wait for that.
    cancel "$TIMER"
    if [ "$wf_word" = tick ]; then revive "$STEP"; fi
  done
  rm -f "$wf_fifo"
  trap - TERM HUP INT
  "$2"
}
is_done() { is_over "$D"; }

# --- A session: many verbs on one stdin ---------------------------------------------------------------------------------

# A line `ID VERB ARGUMENT...` is answered by what that verb says and a line `TOKEN ID CODE`. `arm STEP LINES BYTES
# [STEP...]` is followed by so many lines of the step's text, so many bytes in all, and answered three times: once armed
# (CODE), where it waits for go also once all is prepared (`prepared`), and when it is over (`end`), with its state and the
# bytes of its small artifacts. Nothing that runs rests on a session: it ends with its stdin, and steps go on.
cmd_serve() { # TOKEN
  case $1 in '' | *[!A-Za-z0-9-]*) die $EX_USAGE "not a token: $1" ;; esac
  TOKEN=$1
  init_state
  [ ! -f "$S/removing" ] || die $EX_BUSY "this root is being removed"
  for sv_old in "$S"/sessions/*; do
    if [ -d "$sv_old" ] && ! owner_of "$sv_old/owner"; then rm -rf "$sv_old"; fi
  done
  remove_spares
  end_launchers 0
  make_serial
  SESSION=$S/sessions/$SERIAL
  mkdir -p "$SESSION" && try_own "$SESSION/owner" && mkfifo "$SESSION/in" "$SESSION/spool" ||
    die $EX_DEFECT "can't write below $S"
  exec 3<>"$SESSION/in" 4<>"$SESSION/spool" 5<&0 </dev/null
  printf '%s\n' "$SAMPLER" >"$SESSION/sampler.awk"
  trap 'rm -rf "$SESSION"; remove_spares; tick_runners' EXIT
  trap 'end_timers; exit 143' TERM HUP INT
  spawn _spool "$SESSION"
  sv_spool=$!
  relay <&5 >/dev/null 2>&1 4>&- 5>&- &
  sv_relay=$!
  exec 5<&-
  sv_followed=
  timer 5000 0 tick
  while read -r sv_id sv_verb sv_rest <&3; do
    case $sv_verb in
      ended) break ;;
      wake) ;;
      tick)
        TIMERS=
        timer 5000 0 tick
        for sv_step in $sv_followed; do sv_step=${sv_step#*:}; revive "${sv_step%:*}"; done
        tick_runners
        ;;
      *)
        # shellcheck disable=SC2086 # arguments without blanks
        (serve_verb "$sv_verb" $sv_rest) 2>&1
        sv_code=$?
        # One that was armed has said so.
        [ $sv_code = $EX_SAID ] || echo "$TOKEN $sv_id $sv_code"
        if [ "$sv_verb" = arm ]; then sv_followed="$sv_followed $sv_id:${sv_rest%% *}:"; fi
        ;;
    esac
    sv_left=
    for sv_one in $sv_followed; do
      sv_id=${sv_one%%:*} STEP=${sv_one#*:}
      STEP=${STEP%:*}
      find_step "$STEP"
      if [ ! -f "$D/step.sh" ] || is_over "$D"; then
        say_end "$sv_id"
        if [ -s "$S/sweep" ]; then
          jobs >/dev/null 2>&1 # forgets those that have ended
          {
            know_me
            find_cgroup
            find_tools
            sweep_ahead
          } </dev/null >/dev/null 2>&1 3>&- 4>&- &
        fi
        continue
      fi
      case $sv_one in
        *:) if [ -f "$D/prepared" ]; then echo "$TOKEN $sv_id prepared"; sv_one=${sv_one}p; fi ;;
      esac
      sv_left="$sv_left $sv_one"
    done
    sv_followed=$sv_left
  done
  kill $sv_relay 2>/dev/null
  end_timers
}

tick_runners() { # has each look at its alarms
  for tr_step in "$S"/steps/*; do
    if [ -s "$tr_step/runner" ]; then post "$tr_step/fifo" tick; fi
  done
}

# As `state_json`, then the bytes of small artifacts in the order of the result, as many as make 256 KiB, then the line that
# ends it. Whoever reads them checks digests; a file that still grows must not keep us. Each write is a packet of its own on
# its way, so it is one where nothing comes in between.
say_end() { # CALL
  if [ ! -s "$D/result.json" ]; then
    state_json
    say "$TOKEN $1 end"
    return
  fi
  sr_list= sr_left=262144 sr_n=0
  if [ -s "$D/artifacts" ]; then
    while read -r sr_path sr_bytes _; do
      sr_n=$((sr_n + 1))
      if [ "$sr_bytes" -gt 65536 ] || [ "$sr_bytes" -gt "$sr_left" ]; then continue; fi
      sr_list="$sr_list ./$sr_path" sr_left=$((sr_left - sr_bytes))
    done 2>/dev/null <"$D/artifacts"
  fi
  sr_end="
$TOKEN $1 end"
  # Shells read byte by byte: that is cheaper than a process as long as it isn't much.
  if [ $sr_n -gt 40 ] || [ -s "$D/warnings" ]; then
    sr_result=$(cat "$D/result.json")
  else IFS= read -r sr_result <"$D/result.json"; fi
  sr_result="{\"kind\":\"done\",\"result\":$sr_result}"
  if [ -z "$sr_list" ]; then
    say "$sr_result$sr_end"
    return
  fi
  say "$sr_result"
  read_step "$S/names/$STEP"
  # shellcheck disable=SC2086 # names were checked: nothing in them can fall apart
  (cd "$ROOT/$RS_DIR" && exec head -q -c 65536 $sr_list) 2>/dev/null
  say "$sr_end"
}

serve_verb() { # VERB ARGUMENT...: in a fork of the session
  case $1 in
    arm)
      check_name "$2"
      ar_new=$S/steps/$3 ar_id=$2
      [ "$4" = whole ] || { rm -rf "$ar_new"; die $EX_TORN "the step arrived torn"; }
      shift 4
      for ar_step; do check_name "$ar_step"; done
      arm_step "$ar_id" || return 0
      say "{\"kind\":\"$ar_answer\"}
$TOKEN $sv_id 0"
      for ar_step; do acknowledge "$ar_step"; done
      exit $EX_SAID
      ;;
    go) cmd_go "$2" "$3" ;;
    status) cmd_status "$2" ;;
    stop) cmd_stop "$2" ;;
    acknowledge) cmd_acknowledge "$2" ;;
    outputs) cmd_outputs "$2" ;;
    read) cmd_read "$2" "$3" "$4" "$5" ;;
    clock) now; echo "{\"kind\":\"clock\",\"now\":$NOW}" ;;
    *) die $EX_USAGE "no verb $1 in a session" ;;
  esac
}

# Hands on what comes, so that a session hears its caller and its steps by one FIFO. A step's text goes into a folder that
# was made before, since each process that must start first would keep the step waiting.
relay() {
  rl_n=0 rl_made=0
  # A shell reads byte by byte; GNU's head reads blocks, and never more than it was told.
  case $(head --version 2>/dev/null) in *GNU*) rl_few=1000 ;; *) rl_few=99999999 ;; esac
  make_spares
  while read -r rl_id rl_verb rl_step rl_rest; do
    if [ "$rl_verb" != arm ]; then echo "$rl_id $rl_verb $rl_step $rl_rest" >&3; continue; fi
    rl_lines=${rl_rest%% *} rl_rest=${rl_rest#* }
    rl_bytes=${rl_rest%% *} rl_rest=${rl_rest#"$rl_bytes"}
    case $rl_lines$rl_bytes in *[!0-9]*) break ;; esac
    if [ "$rl_n" -ge "$rl_made" ]; then make_spares; fi
    rl_spare=$S/steps/$SERIAL.$rl_n rl_n=$((rl_n + 1)) rl_whole=whole
    umask 077
    if [ "$rl_bytes" -gt $rl_few ]; then
      head -c "$rl_bytes" >"$rl_spare/step.sh" || rl_whole=torn
      rl_lines=0 rl_bytes=0 # its last line tells whether it is whole
    else
      while [ "$rl_lines" -gt 0 ] && IFS= read -r rl_line; do
        printf '%s\n' "$rl_line"
        rl_lines=$((rl_lines - 1)) rl_bytes=$((rl_bytes - ${#rl_line} - 1))
      done >"$rl_spare/step.sh" || rl_whole=torn
    fi
    umask 022
    if [ "$rl_lines" != 0 ]; then break; fi # the connection went, and nobody waits for an answer
    if [ "$rl_bytes" != 0 ]; then rl_whole=torn; fi
    echo "$rl_id arm $rl_step ${rl_spare##*/} $rl_whole$rl_rest" >&3
    if [ "$rl_n" -ge "$rl_made" ]; then make_spares; fi
  done
  echo "0 ended" >&3
}

make_spares() { # folders for the texts of the next steps, each with its FIFO: few at first, since the first step waits
  set --
  for rl_i in 0 1 2 3 4 5 6 7; do set -- "$@" "$S/steps/$SERIAL.$((rl_made + rl_i))"; done
  if [ $rl_made -gt 0 ]; then
    for rl_i in 8 9 10 11; do set -- "$@" "$S/steps/$SERIAL.$((rl_made + rl_i))"; done
  fi
  mkdir "$@"
  rl_n_made=$#
  for rl_folder; do shift; set -- "$@" "$rl_folder/fifo"; done
  mkfifo "$@"
  rl_made=$((rl_made + rl_n_made))
}

# Starts the runners of a session's steps: as forks of a shell that has read this file, they begin at once. It ends with
# the session; what it started goes on.
cmd_spool() { # SESSION-FOLDER
  exec 5<>"$1/spool" || exit 0
  exec 6<"$1/spool" 5>&- # once nobody writes there any more, reading ends
  enter
  find_tools
  now
  SAMPLER_FILE=$1/sampler.awk SERIAL=${1##*/} TICKER=$1/owner
  make_launcher
  while read -r sp_step <&6; do
    jobs >/dev/null 2>&1 # forgets those that have ended
    if [ "$sp_step" = launcher ]; then make_launcher; continue; fi
    if [ "$CLOCK" = date ]; then { read -r CLOCK_OFFSET CLOCK_SEEN <"$S/offset.$BOOT"; } 2>/dev/null; fi
    (
      exec 6<&-
      know_me
      export REPRISE_RUNNER="$ID:_run $sp_step;"
      [ ! -f "$S/steps/$sp_step/runner" ] || exit 0 # somebody was faster
      # Whoever sent this step is there; once it isn't, this shell tells of it.
      TICKED=1 TIMER_LOG=$S/steps/$sp_step/timers RUNNER_SESSION=$MY_SESSION
      cmd_run "$sp_step"
    ) &
  done
  end_launchers "${SERIAL##*.}"
  # From here on runners wake themselves.
  rm -f "$1/owner"
  tick_runners
}

cmd_go() { # STEP START_AT_MS
  check_name "$1"
  check_number "$2"
  find_step "$1" || die $EX_UNKNOWN "no step $1 was armed here"
  # The first instant counts. An empty file is one whose writer died: then this is the first.
  set -C
  { echo "$2" >"$D/go"; } 2>/dev/null || { set +C; [ -s "$D/go" ] || echo "$2" >"$D/go"; }
  set +C
  post "$D/fifo" go
  init_state
  revive "$1"
  echo '{"kind":"going"}'
}

state_json() {
  if [ ! -f "$D/step.sh" ]; then echo '{"kind":"unknown"}'
  elif [ -s "$D/result.json" ]; then printf '{"kind":"done","result":'; cat "$D/result.json"; echo '}'
  elif [ -s "$D/superseded" ]; then step_superseded_json
  elif { read -r sj_since <"$D/since"; } 2>/dev/null; then echo "{\"kind\":\"running\",\"since\":$sj_since}"
  else echo '{"kind":"armed"}'; fi
}

cmd_status() { # STEP
  check_name "$1"
  if find_step "$1"; then init_state; revive "$1"; fi
  state_json
}

cmd_wait() { # STEP TIMEOUT_MS
  check_name "$1"
  check_number "$2"
  STEP=$1
  if find_step "$1"; then
    init_state
    revive "$1"
    wait_for "$2" is_done
  fi
  state_json
}

cmd_stop() { # STEP: asks; `wait` tells when it is done
  check_name "$1"
  if find_step "$1"; then
    : >"$D/stop"
    post "$D/fifo" stop
    init_state
    revive "$1"
  fi
  echo '{"kind":"stopping"}'
}

cmd_outputs() { # STEP
  check_name "$1"
  ou_json=
  if find_step "$1" && open_step "$F"; then
    # Few processes, however many files: something is being measured here.
    ou_json=$({ (cd "$A" 2>/dev/null && for ou_path in *.out *.err; do [ -f "$ou_path" ] && echo "$ou_path"; done); declared_files; } |
      sort -u | describe | awk '{ printf "%s{\"path\":\"%s\",\"bytes\":%s}", (NR > 1 ? "," : ""), $NF, $1 }')
  fi
  say "{\"kind\":\"outputs\",\"files\":[$ou_json]}"
}

cmd_read() { # ATTEMPT_DIR PATH FROM [LIMIT]: raw bytes
  check_path "$1"
  check_path "$1/$2"
  check_number "$3"
  A=$ROOT/$1 step_part_bytes=0
  { read -r step_part_bytes <"$S/part-bytes"; } 2>/dev/null
  resolve_part "$2"
  [ -f "$PART_FILE" ] || die $EX_UNKNOWN "no file $2 in $1"
  rd_limit=${4:-}
  if [ -n "$rd_limit" ]; then check_number "$rd_limit"; fi
  if [ -n "$PART_BYTES" ]; then
    rd_left=$((PART_BYTES > $3 ? PART_BYTES - $3 : 0))
    if [ -z "$rd_limit" ] || [ "$rd_limit" -gt $rd_left ]; then rd_limit=$rd_left; fi
  fi
  rd_from=$((PART_FROM + $3))
  if [ -n "$rd_limit" ]; then file_range "$PART_FILE" $rd_from "$rd_limit"
  elif [ $rd_from = 0 ]; then cat "$PART_FILE"
  else tail -c "+$((rd_from + 1))" "$PART_FILE"; fi
}

cmd_acknowledge() { # STEP
  check_name "$1"
  acknowledge "$1"
  echo '{"kind":"acknowledged"}'
}

acknowledge() { # STEP
  if read_step "$S/names/$1" && [ "$RS_STATE" != a ] && [ -s "$RS_D/result.json" ]; then
    # As long as it was, and written over it: never empty in between.
    echo "$RS_F a" 1<>"$S/names/$1"
    if [ -s "$RS_D/artifacts" ]; then : >"$RS_D/artifacts"; fi # landed
    if [ -f "$RS_D/push" ]; then
      : >"$RS_D/acknowledged"
      post "$RS_D/push-fifo" done
    fi
  fi
}

first_line() { FL=; { IFS= read -r FL <"$1"; } 2>/dev/null; } # FILE: sets FL

cmd_facts() {
  init_state
  for fa_step in "$S"/names/*; do
    revive "${fa_step##*/}"
  done
  json "$BOOT"; fa="{\"kind\":\"facts\",\"bootId\":$J"
  first_line /var/lib/cloud/data/instance-id
  if [ -z "$FL" ]; then
    first_line /sys/class/dmi/id/board_asset_tag
    case $FL in i-*) ;; *) FL= ;; esac
  fi
  fa_add instanceId "$FL"
  awk -F '[\t ]*: ' '
    $1 == "model name" && model == "" { model = $2 } $1 == "microcode" && code == "" { code = $2 } $1 == "processor" { n++ }
    $1 == "CPU implementer" && arm == "" { arm = "implementer " $2 } $1 == "CPU part" && part == "" { part = ", part " $2 }
    END { print (model == "" ? arm part : model); print n; print code }' /proc/cpuinfo >"$S/tmp/cpu.$$"
  { IFS= read -r fa_model; IFS= read -r fa_count; IFS= read -r fa_code; } <"$S/tmp/cpu.$$"
  rm -f "$S/tmp/cpu.$$"
  fa_add cpuModel "${fa_model:-unknown}"
  fa="$fa,\"cpuCount\":$fa_count,\"memoryBytes\":$(awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024; exit }' /proc/meminfo)"
  fa_add microcode "$fa_code"
  fa_add kernel "$(uname -r)"
  fa_add os "$( ( . /etc/os-release; say "$PRETTY_NAME" ) 2>/dev/null || uname -s)"
  fa_add architecture "$(uname -m)"
  first_line /sys/devices/system/clocksource/clocksource0/current_clocksource
  fa_add clockSource "$FL"
  FL=
  if command -v systemd-detect-virt >/dev/null; then FL=$(systemd-detect-virt 2>/dev/null); fi
  if [ -z "$FL" ]; then first_line /sys/hypervisor/type; fi
  if [ -z "$FL" ]; then first_line /sys/class/dmi/id/sys_vendor; fi
  fa_add virtualization "$FL"
  fa_versions=
  # What the definition's fact commands left: the first line of each file is a version.
  for fa_file in "$ROOT"/facts/*; do
    [ -f "$fa_file" ] || continue
    json "${fa_file##*/}"; fa_versions="${fa_versions:+$fa_versions,}$J"
    first_line "$fa_file"
    json "$FL"; fa_versions="$fa_versions:$J"
  done
  find_http
  sha256 "$SELF"; fa="$fa,\"versions\":{$fa_versions},\"supervisor\":\"$SHA\""
  sha256 "$ROOT/put.mjs"
  say "$fa,\"uploaderFile\":\"$SHA\",\"uploader\":\"$HTTP_TOOL\"}"
}
fa_add() { if [ -n "$2" ]; then json "$2"; fa="$fa,\"$1\":$J"; fi; } # NAME TEXT

cmd_boot() { # after a restart of the host: what isn't acknowledged is reported
  [ -f "$S/id" ] || return 0
  init_state
  for bo_step in "$S"/names/*; do
    revive "${bo_step##*/}"
  done
}

# Something has to call `boot` when the host comes back: systemd where it runs and we may, else cron.
hook_boot() {
  [ ! -f "$S/hooked" ] || return 0
  shq "$SELF"
  if [ -d /run/systemd/system ] && [ -w /etc/systemd/system ]; then
    printf '[Unit]\nDescription=reprise supervisor\nAfter=network-online.target\nWants=network-online.target\n[Service]\nType=forking\nExecStart=/bin/sh %s boot\nKillMode=none\n[Install]\nWantedBy=multi-user.target\n' \
      "$SELF" >"/etc/systemd/system/reprise-$ID.service"
    if systemctl enable "reprise-$ID.service" >/dev/null 2>&1; then echo systemd >"$S/hooked"; return 0; fi
    rm -f "/etc/systemd/system/reprise-$ID.service"
  fi
  if command -v crontab >/dev/null; then
    hb_table=$(crontab -l 2>/dev/null | grep -v -F "# reprise $ID")
    printf '%s\n' "${hb_table:+$hb_table
}@reboot sh $Q boot # reprise $ID" | crontab - 2>/dev/null && echo cron >"$S/hooked"
  fi
  return 0
}

unhook_boot() {
  first_line "$S/hooked"
  case $FL in
    systemd)
      systemctl disable "reprise-$ID.service" >/dev/null 2>&1
      rm -f "/etc/systemd/system/reprise-$ID.service"
      ;;
    cron)
      hb_table=$(crontab -l 2>/dev/null | grep -v -F "# reprise $ID")
      if [ -n "$hb_table" ]; then printf '%s\n' "$hb_table" | crontab - 2>/dev/null
      else crontab -r 2>/dev/null; fi
      ;;
  esac
}

cmd_remove() {
  if [ ! -f "$S/id" ]; then echo '{"kind":"removed","left":[]}'; return; fi
  init_state
  lock
  : >"$S/removing"
  unlock
  find_cgroup
  D=$S/tmp step_epoch=0 step_attempt=0 re_left= KILL_LEFT=
  # Whose caller's machine lost its power may wait for its connection's end for hours.
  for re_session in "$S"/sessions/*; do
    if owner_of "$re_session/owner"; then post "$re_session/in" "0 ended"; fi
  done
  # Runners first: only they know what events they have to undo.
  for re_step in "$S"/names/*; do
    read_step "$re_step" || continue
    if ! is_over "$RS_D"; then echo "removed 0 0" >"$RS_D/superseded"; fi
    : >"$RS_D/abandoned"
    post "$RS_D/push-fifo" done
    if owner_of "$RS_D/runner"; then post "$RS_D/fifo" superseded; re_pids="${re_pids:-} $OWNER_PID"; fi
  done
  re_n=0
  for re_pid in ${re_pids:-}; do
    while ident "$re_pid" && [ $re_n -lt 1000 ]; do sleep 0.02; re_n=$((re_n + 1)); done
  done
  ident $$
  # Pushers, samplers, timers and whatever else of ours; not those that only wait or read, they end by themselves.
  re_n=0
  while :; do
    re_pids=
    for re_env in $(grep -l -F -e "REPRISE_RUNNER=$ID:" /proc/[0-9]*/environ 2>/dev/null); do
      re_pid=${re_env#/proc/} re_pid=${re_pid%/environ}
      if [ "$re_pid" != $$ ] && ident "$re_pid"; then re_pids="$re_pids $re_pid"; fi
    done
    [ -n "$re_pids" ] && [ $re_n -lt 250 ] || break
    # shellcheck disable=SC2086 # a list
    signal_all KILL $re_pids
    re_n=$((re_n + 1))
    sleep 0.02
  done
  kill_strays 1
  for re_pid in $re_pids ${KILL_LEFT:-}; do
    first_line "/proc/$re_pid/comm"
    json "process $re_pid ($FL)"; re_left="${re_left:+$re_left,}$J"
  done
  unhook_boot
  for re_cg in "$CG" "$CGM" "$CPUSETS"; do
    if [ "$re_cg" != - ] && [ -d "$re_cg" ]; then
      # What waits in our group moves out, then the group can go.
      while read -r re_pid; do { echo "$re_pid" >"${re_cg%/*}/cgroup.procs"; } 2>/dev/null; done <"$re_cg/supervisor/cgroup.procs"
      find "$re_cg" -depth -type d -exec rmdir {} \; 2>/dev/null
    fi
  done 2>/dev/null
  for re_file in "$ROOT"/* "$ROOT"/.[!.]*; do
    case $re_file in "$S" | "$SELF") ;; *) rm -rf "$re_file" 2>/dev/null ;; esac
  done
  re_files=$(find "$ROOT" -mindepth 1 ! -path "$S" ! -path "$S/*" ! -path "$SELF" 2>/dev/null | head -n 20)
  if [ -n "$re_files" ]; then
    re_files=$(say "$re_files" | while IFS= read -r re_file; do json "$re_file"; say "$J"; done | paste -sd , -)
    re_left="${re_left:+$re_left,}$re_files"
  fi
  if [ -z "$re_left" ]; then
    cd / && rm -rf "$ROOT"
    if [ -e "$ROOT" ]; then json "$ROOT"; re_left=$J; fi
    # The folder of all runs goes with the last of them.
    case $ROOT in */.reprise/*) rmdir "${ROOT%/*}" 2>/dev/null ;; esac
  else rm -f "$S/removing"; fi # kept, so that it can be tried again
  say "{\"kind\":\"removed\",\"left\":[$re_left]}"
}

# For event scripts, as `reprise-unit VERB NAME`: acts on a service of this attempt so that its end counts as asked for.
cmd_unit() { # kill|stop|pause|resume|start|restart|pid|signal NAME [SIGNAL]
  init_state
  K=$S/attempts/${REPRISE_STATE:?}
  un_step=
  while read -r un_s un_n; do if [ "$un_n" = "$2" ]; then un_step=$un_s; fi; done <"$K/services"
  [ -n "$un_step" ] && open_step "$un_step" && find_unit "$2" || die $EX_UNKNOWN "no service $2 in this attempt"
  find_tools
  find_cgroup
  load_unit "$I"
  case $1 in
    pid) read -r un_pid _ <"$U/pid"; echo "$un_pid" ;;
    pause) unit_pids "$U"; signal_all STOP $PIDS ;;
    resume) unit_pids "$U"; signal_all CONT $PIDS ;;
    signal) unit_pids "$U"; : >"$U/asked"; signal_all "${3:?}" $PIDS ;;
    kill) : >"$U/asked"; unit_stop KILL 0 ;;
    stop) : >"$U/asked"; unit_stop '' '' ;;
    start) unit_start ;;
    restart) : >"$U/asked"; unit_stop '' ''; unit_start ;;
    *) die $EX_USAGE "reprise-unit kill|stop|pause|resume|start|restart|pid|signal NAME" ;;
  esac
}

unit_stop() { # SIGNAL GRACE
  stop_unit "$U" stopped "$1" "$2" || exit 1
  rm -f "$U/why" # ended, but not by its step
}

unit_start() {
  if is_running "$U"; then return; fi
  # Its group went with its last process.
  read -r _ us_cg <"$U/marker"
  if [ "$us_cg" != - ]; then
    if [ "$CG" != - ]; then mkdir -p "$CG/$us_cg"; fi
    if [ -n "$U_MEMORY" ]; then set_memory_limit "$us_cg"; fi
    if [ -n "$U_CPUS" ]; then set_cpus "$us_cg"; fi
  fi
  log_sizes
  begin_unit
  spawn _keep "$F" "$U_NAME"
  get "$I" ready_timeout
  us_end=$((V / 50 + 1))
  # The keeper records its end should it fail; this only bounds our wait.
  (await_ready) &
  us_pid=$!
  while [ ! -s "$U/ready" ] && [ ! -s "$U/ended" ] && [ $us_end -gt 0 ]; do sleep 0.05; us_end=$((us_end - 1)); done
  kill $us_pid 2>/dev/null
  [ -s "$U/ready" ] || die 1 "$U_NAME did not get ready again"
}

cmd_keep() { # FOLDER NAME
  open_step "$1" && find_unit "$2" || exit 0
  enter
  find_tools
  load_unit "$I"
  exec 3<>"$D/fifo"
  keep_unit
}

[ $# -gt 0 ] || die $EX_USAGE "a verb, please"
verb=$1
shift
case $verb in
  facts) cmd_facts ;;
  put) cmd_put "$1" "$2" "$3" ;;
  arm) cmd_arm "$@" ;;
  go) cmd_go "$1" "$2" ;;
  status) cmd_status "$1" ;;
  wait) cmd_wait "$1" "$2" ;;
  stop) cmd_stop "$1" ;;
  outputs) cmd_outputs "$1" ;;
  read) cmd_read "$@" ;;
  acknowledge) cmd_acknowledge "$1" ;;
  remove) cmd_remove ;;
  boot) cmd_boot ;;
  unit) cmd_unit "$@" ;;
  serve) cmd_serve "$1" ;;
  _spool) cmd_spool "$1" ;;
  _run) cmd_run "$1" ;;
  _push) cmd_push "$1" ;;
  _sample) cmd_sample "$1" ;;
  _keep) init_state; cmd_keep "$1" "$2" ;;
  _revive) init_state; revive "$1" ;;
  _cut) init_state; K=$S/attempts/$1; read -r cut_dir <"$K/dir" && A=$ROOT/$cut_dir && cut_log "$2" "$3" ;;
  *) die $EX_USAGE "no verb $verb" ;;
esac
