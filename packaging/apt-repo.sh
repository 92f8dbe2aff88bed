#!/bin/bash
# Makes a signed apt repository from packages: apt-repo.sh [--key KEYID] [--from DIST] FOLDER
# Without --key a key is made once, in CLAWGATE_ARCHIVE_KEYS (default ~/.local/share/clawgate/archive-keys): keep it, and
# keep it out of FOLDER, which is served; the public half is FOLDER/clawgate.asc. Prints the lines an operator adds.
# Needs dpkg-scanpackages (dpkg-dev), apt-ftparchive (apt-utils) and gpg.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/chroot.sh
. "$here/chroot.sh"

key="" dist=$here/../dist
while [ $# -gt 1 ]; do
    case $1 in
    --key) key=$2 ;;
    --from) dist=$2 ;;
    *) break ;;
    esac
    shift 2
done
out=${1:-}
[ $# = 1 ] && [ "${out#-}" = "$out" ] || { sed -n '2,5p' "$0" | cut -c3-; exit 2; }
for tool in dpkg-scanpackages apt-ftparchive gpg gzip; do command -v $tool >/dev/null || die "$tool is needed"; done
ls "$dist"/*.deb >/dev/null 2>&1 || die "no package in $dist: run make deb first"

pool=$out/pool/main/c/clawgate
mkdir -p "$pool"
cp "$dist"/*.deb "$pool/"
cd "$out"
if [ -z "$key" ]; then
    export GNUPGHOME=${CLAWGATE_ARCHIVE_KEYS:-$HOME/.local/share/clawgate/archive-keys}
    mkdir -p "$GNUPGHOME"
    chmod 700 "$GNUPGHOME"
    trap 'gpgconf --kill gpg-agent' EXIT
    gpg --list-secret-keys clawgate-archive >/dev/null 2>&1 ||
        gpg --batch --quiet --passphrase '' --quick-generate-key "clawgate-archive" ed25519 sign 2y
    key=clawgate-archive
fi
archs=$(for deb in pool/main/c/clawgate/*.deb; do dpkg-deb -f "$deb" Architecture; done | sort -u)
for arch in $archs; do
    mkdir -p "dists/stable/main/binary-$arch"
    dpkg-scanpackages --arch "$arch" --multiversion pool >"dists/stable/main/binary-$arch/Packages" 2>/dev/null
    gzip -9nkf "dists/stable/main/binary-$arch/Packages"
done
rm -f dists/stable/Release dists/stable/InRelease dists/stable/Release.gpg
apt-ftparchive -o APT::FTPArchive::Release::Origin=clawgate -o APT::FTPArchive::Release::Suite=stable \
    -o APT::FTPArchive::Release::Codename=stable -o APT::FTPArchive::Release::Components=main \
    -o "APT::FTPArchive::Release::Architectures=$(echo "$archs" | paste -sd' ')" release dists/stable >Release.new
mv Release.new dists/stable/Release
gpg --batch --yes --quiet -u "$key" --clearsign -o dists/stable/InRelease dists/stable/Release
gpg --batch --yes --quiet -u "$key" --armor --detach-sign -o dists/stable/Release.gpg dists/stable/Release
gpg --batch --yes --quiet --armor --export "$key" >clawgate.asc
say "repository in $out; serve it over HTTPS, and on the server that installs:"
cat <<'TEXT'
  curl -fsSL https://YOUR-HOST/clawgate.asc -o /usr/share/keyrings/clawgate.asc
  echo "deb [signed-by=/usr/share/keyrings/clawgate.asc] https://YOUR-HOST stable main" > /etc/apt/sources.list.d/clawgate.list
  apt update && apt install clawgate
TEXT
