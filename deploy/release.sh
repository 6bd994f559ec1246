#!/usr/bin/env bash
# Makes the files of a release in a directory: program, Debian package, image, chart, lists of parts, provenance, checksums.
#
#   deploy/release.sh OUT
#
# It builds a clean checkout. The same commit built with the same toolchain gives the same bytes, wherever it lies; for the
# image, on the same base and with the same ca-certificates in Debian's archive.
# IMAGE=no leaves the image out, where there is no podman or no base image.
# PROFILE and BUILD=no pack what is compiled already, for tests of the packing.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?usage: deploy/release.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
profile=${PROFILE:-release}
[[ -z $(ls -A "$out") ]] || { echo "release.sh: $out is not empty" >&2; exit 1; }

# Known before anything is compiled.
for tool in auditable deb; do
  [[ -n $(command -v "cargo-$tool") ]] || { echo "release.sh: \`cargo install cargo-$tool\` first" >&2; exit 1; }
done
# The base of the image is what its last stage begins with.
base=$(sed -n 's/^FROM //p' deploy/container/Containerfile | tail -n 1)
without() { echo "release.sh: $1; IMAGE=no leaves the image out" >&2; exit 1; }
case ${IMAGE:=yes} in
  yes)
    command -v podman >/dev/null || without "no podman is here to build the image with"
    podman image exists "$base" || without "the base image is not here: \`podman pull $base\` brings it"
    ;;
  no) ;;
  *) echo "release.sh: IMAGE is yes or no" >&2; exit 1 ;;
esac

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
  # Work that is not in a release yet is under "Unreleased", which becomes the version and its date.
  [[ $(grep -m 1 '^## ' CHANGELOG.md) =~ ^"## $version ("20[0-9-]{8}")"$ ]] \
    || { echo "release.sh: CHANGELOG.md does not begin with '## $version (YYYY-MM-DD)'" >&2; exit 1; }
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

# plain DIRECTORY NAME...: an archive without times, owners or an order of its own.
plain() {
  tar --create --directory "$1" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" "${@:2}"
}
# archive FILE DIRECTORY NAME...
archive() { plain "${@:2}" | gzip --no-name >"$1"; }
name=lightning-sync-exporter
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
machine=$(uname --machine)
# What debuggers read is five times the program, and names where it was built.
pack=(--strip)
[[ ${BUILD:-yes} == yes ]] || pack+=(--fast)
cargo deb --quiet --no-build --profile "$profile" "${pack[@]}" --output "$out/${name}_$version.deb"
# The same program is in each form.
dpkg-deb --extract "$out/${name}_$version.deb" "$work/package"
packed=$work/package/usr/bin/$name

program=$name-$version-linux-$machine
mkdir "$work/$program"
cp "$packed" LICENSE README.md CHANGELOG.md SECURITY.md deploy/debian/THIRD-PARTY "$work/$program/"
cp -r alerts/*.yaml deploy/systemd/*.service "$work/$program/"
archive "$out/$program.tar.gz" "$work" "$program"
archive "$out/$name-chart-$version.tgz" deploy/helm $name
archive "$out/$name-dashboards-$version.tar.gz" . dashboards
archive "$out/$name-mixin-$version.tar.gz" . mixin
compose=$name-compose-$version
archive "$out/$compose.tar.gz" . --transform="s,^,$compose/," deploy/compose deploy/alertmanager \
  alerts/*.yaml dashboards
cp deploy/debian/sbom.cdx.json "$out/$name-$version.cdx.json"

bases='[]'
if [[ $IMAGE == yes ]]; then
  image=$name-image-$version-$machine
  install -D "$packed" "$work/compiled/src/target/release/$name"
  # The directory stands for the stage that compiles. Layers of earlier builds are not used: certificates are of today.
  podman build --quiet --no-cache --layers=false --pull=never --timestamp "$SOURCE_DATE_EPOCH" --iidfile "$work/id" \
    --build-arg REVISION="$revision" --build-context build="$work/compiled" --file deploy/container/Containerfile . >"$work/log" 2>&1 \
    || { cat "$work/log" >&2; exit 1; }
  id=$(<"$work/id")
  podman push --quiet "$id" "oci:$work/oci:localhost/$name:$version"
  plain "$work/oci" blobs index.json oci-layout >"$out/$image.oci.tar"
  container=$(podman create --network none "$id")
  podman cp "$container:/var/lib/dpkg/status" "$work/status"
  podman rm "$container" >/dev/null
  bases=$(podman image inspect --format '[{"name": "'"$base"'", "digest": {"sha256": "{{slice .Digest 7}}"}}]' "$base")
  podman rmi "$id" >/dev/null
  # What the program is made of, and Debian's packages around it.
  python3 - "$version" deploy/debian/sbom.cdx.json "$work/status" >"$out/$image.cdx.json" <<'PYTHON'
import json, re, sys, urllib.parse
version, parts, status = sys.argv[1:]
with open(parts, encoding="utf-8") as file:
    parts = json.load(file)
parts["components"].insert(0, parts["metadata"]["component"])
parts["metadata"]["component"] = {"bom-ref": "image", "name": "lightning-sync-exporter", "type": "container", "version": version}
with open(status, encoding="utf-8") as file:
    paragraphs = file.read().strip().split("\n\n")
for paragraph in paragraphs:
    of = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", paragraph, re.MULTILINE))
    quoted = urllib.parse.quote(of["Version"], safe="~")
    purl = f"pkg:deb/debian/{of['Package']}@{quoted}?arch={of['Architecture']}"
    parts["components"].append(
        {"bom-ref": purl, "name": of["Package"], "purl": purl, "type": "library", "version": of["Version"]})
json.dump(parts, sys.stdout, indent=1, sort_keys=True)
print()
PYTHON
fi

# Who can compare: in-toto's statement with the predicate of SLSA's provenance.
(cd "$out" && sha256sum -- *) | python3 -c '
import json, sys
version, revision, rust, bases = sys.argv[1:]
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
            "resolvedDependencies": [{"name": "lightning-sync-exporter", "digest": {"gitCommit": revision}}, *json.loads(bases)],
        },
        "runDetails": {"builder": {"id": "https://lightning-sync-exporter.invalid/deploy/release.sh"}},
    },
}, sys.stdout, indent=2)
print()
' "$version" "$revision" "$rust" "$bases" >"$work/provenance"
cp "$work/provenance" "$out/$name-$version.intoto.json"
(cd "$out" && sha256sum -- * >"$work/SHA256SUMS")
cp "$work/SHA256SUMS" "$out/SHA256SUMS"
[[ $IMAGE == yes ]] || echo "release.sh: there is no image among the files, as IMAGE=no says"
echo "release.sh: $version of ${revision:0:12} is in $out"
