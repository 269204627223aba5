#!/usr/bin/env bash
# deb.sh FOLDER VERSION: makes a Debian package of what `make install` has put below FOLDER/usr, beside
# FOLDER. It has no maintainer's scripts: what it does to a system is to be there.
set -euo pipefail

if (($# != 2)) || [[ ! -d $1/usr ]]; then
  echo "deb.sh: wants a folder that holds usr, and a version; 'make deb' says them" >&2
  exit 2
fi
folder=$1 version=$2
for tool in dpkg-deb dpkg-shlibdeps; do
  command -v "$tool" >/dev/null || {
    echo "deb.sh: there is no $tool, which makes the package; install dpkg-dev" >&2
    exit 2
  }
done
architecture=$(dpkg --print-architecture)
gzip -9n "$folder"/usr/share/man/man1/*.1
install -D -m 644 "$(dirname "$0")/../LICENSE" "$folder/usr/share/doc/teardown/copyright"

# Which libraries, in which versions: dpkg-shlibdeps wants a source package around it.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/debian"
printf 'Source: teardown\n\nPackage: teardown\nArchitecture: any\n' >"$scratch/debian/control"
programs=$(realpath "$folder")/usr/bin
depends=$(cd "$scratch" && dpkg-shlibdeps -O "$programs"/* 2>/dev/null | sed -n 's/^shlibs:Depends=//p')

install -d -m 755 "$folder/DEBIAN"
cat >"$folder/DEBIAN/control" <<END
Package: teardown
Version: $version
Architecture: $architecture
Maintainer: the teardown authors <teardown@localhost>
Installed-Size: $(du -sk "$folder/usr" | cut -f1)
Depends: $depends
Recommends: iproute2
Section: net
Priority: optional
Description: laboratory for the end of a TCP connection
 A server and a client that close in every way there is, and a sniffer that
 follows each FIN, ACK and RST, keeps the RFC 9293 state of both ends, and says
 in one sentence how the connection ended and who is to blame.
 .
 Files are read by anybody. To capture live takes root, as sudo
 teardown-capture, which then gives its rights up; or, for all users, once:
 setcap cap_net_raw+ep /usr/bin/teardown-capture (the package does not, because
 whoever may run it can then listen to everybody's traffic).
END
(cd "$folder" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$folder/DEBIAN/md5sums"
package=$(dirname "$folder")/teardown_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$folder" "$package" >/dev/null
echo "$package"
