#!/usr/bin/env bash
# Runs one binary as its pod would: user 10001, no capability, no new privileges, a root it cannot write (only /tmp, in
# memory), 256 MiB and half a core. Needs root and cgroups. The process keeps this script's pid, so that whoever started
# it can kill it.
#
#   tests/in-pod.sh target/debug/aftercare-intake --config FILE serve
set -euo pipefail
binary=$(realpath "${1:?the binary}")
shift
name=$(basename "$binary")-$$
arguments=()
# A pod gets its configuration as a file of its own; the tester's folder is not for user 10001 to see.
config=
while [[ $# -gt 0 ]]; do
  if [[ $1 == --config ]]; then
    config=$(realpath "$2")
    arguments+=(--config /etc/aftercare/config.toml)
    shift 2
  else
    arguments+=("$1")
    shift
  fi
done

if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
  group=/sys/fs/cgroup/aftercare-pods/$name
  mkdir -p "$group"
  echo "+cpu +memory" >/sys/fs/cgroup/aftercare-pods/cgroup.subtree_control
  echo 268435456 >"$group/memory.max"
  echo "50000 100000" >"$group/cpu.max"
  echo $$ >"$group/cgroup.procs"
else
  for controller in memory cpu; do
    group=/sys/fs/cgroup/$controller/aftercare-pods/$name
    mkdir -p "$group"
    if [[ $controller == memory ]]; then
      echo 268435456 >"$group/memory.limit_in_bytes"
    else
      echo 100000 >"$group/cpu.cfs_period_us"
      echo 50000 >"$group/cpu.cfs_quota_us"
    fi
    echo $$ >"$group/cgroup.procs"
  done
fi

export binary config
# shellcheck disable=SC2016
exec unshare --mount --propagation private bash -euc '
  # Everything that the process will see is made here, in memory, in a mount namespace of its own.
  root=/mnt
  mount -t tmpfs -o mode=755 tmpfs $root
  mkdir -p $root/usr/lib $root/usr/lib64 $root/etc/aftercare $root/dev $root/proc $root/tmp
  touch $root/aftercare
  mount --bind -o ro "$binary" $root/aftercare
  cp "$(command -v setpriv)" $root/setpriv
  [[ -z $config ]] || { cp "$config" $root/etc/aftercare/config.toml; chmod 644 $root/etc/aftercare/config.toml; }
  chmod 755 $root/setpriv
  ln -s usr/lib $root/lib
  ln -s usr/lib64 $root/lib64
  for folder in usr/lib usr/lib64 proc; do mount --bind -o ro /$folder $root/$folder; done
  for device in null zero urandom random; do touch $root/dev/$device; mount --bind /dev/$device $root/dev/$device; done
  mount -t tmpfs -o size=64m,mode=1777 tmpfs $root/tmp
  mount -o remount,ro $root
  exec chroot $root /setpriv --reuid=10001 --regid=10001 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
    -- /aftercare "$@"
' pod "${arguments[@]}"
