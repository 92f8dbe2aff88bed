#!/bin/bash
# Makes a signed apt repository from dist/*.deb: apt-repo.sh [--key KEYID] FOLDER
# Without --key a new key is made in FOLDER/keys (keep it; the public half is FOLDER/clawgate.asc). Prints the two lines
# an operator adds. Needs dpkg-scanpackages (dpkg-dev), apt-ftparchive (apt-utils) and gpg.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=packaging/chroot.sh
. "$here/chroot.sh"

key=""
[ "${1:-}" = --key ] && { key=${2:?key id}; shift 2; }
out=${1:-}
[ -n "$out" ] || { sed -n '2,4p' "$0" | cut -c3-; exit 2; }
for tool in dpkg-scanpackages apt-ftparchive gpg gzip; do command -v $tool >/dev/null || die "$tool is needed"; done
ls "$here"/../dist/*.deb >/dev/null 2>&1 || die "no package in dist/: run make deb first"

pool=$out/pool/main/c/clawgate
mkdir -p "$pool"
cp "$here"/../dist/*.deb "$pool/"
cd "$out"
if [ -z "$key" ]; then
    export GNUPGHOME=$PWD/keys
    mkdir -p -m 700 "$GNUPGHOME"
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
