#!/usr/bin/env bash
# Builds every image with buildah on a base that debootstrap made, without docker and without a network for the build
# itself, and looks at the result: it runs, as nobody, without a shell, and how large it is. Needs root on Debian.
#
#   tests/image/run.sh target/fast      the folder of the built binaries
set -euo pipefail
binaries=$(realpath "${1:?the folder of the built binaries}")
root=$(realpath "$(dirname "$0")/../..")
work=$root/target/image
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
export CONTAINERS_STORAGE_CONF=$work/storage.conf
mkdir -p "$work"
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/images"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"

missing=()
for tool in buildah debootstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [[ ${#missing[@]} -gt 0 ]]; then
  DEBIAN_FRONTEND=noninteractive apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A Debian of this release, then only what a glibc binary needs of it: no shell, no package manager.
if [[ ! -e $work/base/lib64 ]]; then
  rm -rf "$work/base"
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
  [[ -e $work/debian/etc/debian_version ]] || debootstrap --variant=minbase --include=ca-certificates,tzdata "$suite" "$work/debian" "$mirror" >"$work/debootstrap.log"
  mkdir -p "$work/base"
  for package in base-files libc6 libgcc-s1 ca-certificates tzdata; do
    list=("$work/debian/var/lib/dpkg/info/$package"{,:amd64,:arm64}.list)
    for file in "${list[@]}"; do if [[ -e $file ]]; then cat "$file"; fi; done
  done | sort -u | grep -vE '/(doc|man|locale|lintian|bin|sbin)(/|$)' | sed -E 's#^/##; s#^(lib|lib64)/#usr/\1/#' | grep -v '^\.\?$' >"$work/files"
  tar -C "$work/debian" --no-recursion -cf - -T "$work/files" --ignore-failed-read 2>/dev/null | tar -C "$work/base" -xf -
  # merged /usr, and what ca-certificates makes when it is configured
  for link in lib lib64; do
    if [[ -L $work/debian/$link ]]; then rm -rf "${work:?}/base/$link" && cp -a "$work/debian/$link" "$work/base/$link"; fi
  done
  mkdir -p "$work/base/etc/ssl" "$work/base/tmp" && chmod 1777 "$work/base/tmp"
  cp -a "$work/debian/etc/ssl/certs" "$work/base/etc/ssl/"
  printf 'nonroot:x:10001:10001::/:/none\n' >"$work/base/etc/passwd"
fi
container=$(buildah from scratch)
buildah add --quiet "$container" "$work/base" / >/dev/null
buildah commit --quiet "$container" localhost/aftercare-base >/dev/null
buildah rm "$container" >/dev/null

printf '%-18s %10s %10s\n' image size binary
for service in gateway intake dispatch parts-inventory complaint survey all-in-one; do
  binary=$binaries/aftercare-$service
  folder=$work/context-$service
  mkdir -p "$folder"
  [[ $service == all-in-one ]] && binary=$binaries/aftercare
  cp "$binary" "$folder/aftercare-$service"
  strip "$folder/aftercare-$service"
  buildah bud --quiet -f "$root/docker/Dockerfile" --build-arg BASE=localhost/aftercare-base --build-arg FROM=prebuilt \
    --build-arg SERVICE="$service" -t "localhost/aftercare/$service" "$folder" >/dev/null
  size=$(buildah images --format '{{.Size}}' "localhost/aftercare/$service")
  user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' "localhost/aftercare/$service")
  [[ $user == 10001:10001 ]] || { echo "$service runs as $user" >&2; exit 1; }
  container=$(buildah from "localhost/aftercare/$service")
  buildah run --user 10001:10001 --cap-drop all "$container" -- /usr/local/bin/aftercare --version >/dev/null
  if buildah run --user 10001:10001 "$container" -- /bin/sh -c true 2>/dev/null; then
    echo "$service has a shell" >&2
    exit 1
  fi
  buildah rm "$container" >/dev/null
  printf '%-18s %10s %7d MB\n' "$service" "${size// /}" $(($(stat -c %s "$folder/aftercare-$service") / 1000000))
done
echo "seven images, each runs as 10001 and has no shell"
