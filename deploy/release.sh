#!/usr/bin/env bash
# Makes the files of a release in a directory: program, Debian package, chart, list of parts, provenance, checksums.
#
#   deploy/release.sh OUT
#
# It builds a clean checkout. The same commit built with the same toolchain gives the same bytes, wherever it lies.
# PROFILE and BUILD=no pack what is compiled already, for tests of the packing.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: deploy/release.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
profile=${PROFILE:-release}
[[ -z $(ls -A "$out") ]] || { echo "release.sh: $out is not empty" >&2; exit 1; }

# Nothing of the day, the machine or its users gets into a file.
umask 022
export LC_ALL=C TZ=UTC
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
rust=$(rustc --version)

if [[ ${BUILD:-yes} == yes ]]; then
  [[ -z $(git status --porcelain) ]] || { echo "release.sh: commit first: a release is of a commit" >&2; exit 1; }
  # By its date, so that a release without an entry cannot be made by mistake.
  grep -q "^## $version (20" CHANGELOG.md || { echo "release.sh: CHANGELOG.md has no dated entry of $version" >&2; exit 1; }
  export LIGHTNING_SYNC_REVISION=$revision
  LIGHTNING_SYNC_BRANCH=${LIGHTNING_SYNC_BRANCH:-$(git branch --show-current)}
  export LIGHTNING_SYNC_BRANCH
  home=${CARGO_HOME:-$HOME/.cargo}
  # The linker would make the build's id from debugging sections too, and those name the directory of what is built.
  export RUSTFLAGS="--remap-path-prefix=$PWD=/src --remap-path-prefix=$home=/cargo -C link-arg=-Wl,--build-id=0x$revision"
  cargo auditable build --locked --profile "$profile" --bin lightning-sync-exporter
fi
target=${CARGO_TARGET_DIR:-target}
[[ $profile == dev ]] && target+=/debug || target+=/$profile

# tar FILE DIRECTORY NAME...: an archive without times, owners or an order of its own.
archive() {
  local file=$1 directory=$2
  shift 2
  tar --create --directory "$directory" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" "$@" | gzip --no-name >"$file"
}
name=lightning-sync-exporter
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
machine=$(uname --machine)
program=$name-$version-linux-$machine
mkdir "$work/$program"
strip --output-file="$work/$program/$name" "$target/$name"
cp LICENSE README.md CHANGELOG.md SECURITY.md deploy/debian/THIRD-PARTY "$work/$program/"
cp -r alerts/*.yaml deploy/systemd/*.service "$work/$program/"
archive "$out/$program.tar.gz" "$work" "$program"
archive "$out/$name-chart-$version.tgz" deploy/helm $name
archive "$out/$name-dashboards-$version.tar.gz" . dashboards
archive "$out/$name-mixin-$version.tar.gz" . mixin
cp deploy/debian/sbom.cdx.json "$out/$name-$version.cdx.json"
# What debuggers read is five times the program, and names where it was built.
pack=(--strip)
[[ ${BUILD:-yes} == yes ]] || pack+=(--fast)
cargo deb --quiet --no-build --profile "$profile" "${pack[@]}" --output "$out/${name}_$version.deb"

# Who can compare: in-toto's statement with the predicate of SLSA's provenance.
(cd "$out" && sha256sum -- *) | python3 -c '
import json, sys
version, revision, rust = sys.argv[1:]
subjects = [{"name": name, "digest": {"sha256": digest}} for digest, name in (line.split() for line in sys.stdin)]
json.dump({
    "_type": "https://in-toto.io/Statement/v1",
    "subject": subjects,
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://lightning-sync-exporter.invalid/release/v1",
            "externalParameters": {"version": version},
            "internalParameters": {"rust": rust},
            "resolvedDependencies": [{"name": "lightning-sync-exporter", "digest": {"gitCommit": revision}}],
        },
        "runDetails": {"builder": {"id": "https://lightning-sync-exporter.invalid/deploy/release.sh"}},
    },
}, sys.stdout, indent=2)
print()
' "$version" "$revision" "$rust" >"$work/provenance"
cp "$work/provenance" "$out/$name-$version.intoto.json"
(cd "$out" && sha256sum -- * >"$work/SHA256SUMS")
cp "$work/SHA256SUMS" "$out/SHA256SUMS"
echo "release.sh: $version of ${revision:0:12} is in $out"
