#!/usr/bin/env bash
# Installs what is missing: what the build and the demonstration need, with "test" what the tests
# need too, with "fuzz" and "fresh" what `make fuzz` and `make fresh` need. As root it installs; otherwise it prints the
# command. Nothing missing: no output.
set -euo pipefail
PATH+=:/usr/sbin:/sbin # of tc and nft: an ordinary user's lacks them

# tier, how it is found (cmd: a program, pc: a pkg-config module, py: a module of Python, file: a
# file, rt: a library of clang's own), and its package for apt, dnf, pacman and apk; "-" where the
# distribution has none.
needs() {
  cat <<'END'
demo cmd:cc              gcc            gcc                 gcc            gcc
demo file:/usr/include/stdio.h libc6-dev glibc-devel        glibc          musl-dev
demo cmd:make            make           make                make           make
demo cmd:pkg-config      pkg-config     pkgconf-pkg-config  pkgconf        pkgconf
demo pc:libuv            libuv1-dev     libuv-devel         libuv          libuv-dev
demo pc:libpcap          libpcap-dev    libpcap-devel       libpcap        libpcap-dev
demo pc:zlib             zlib1g-dev     zlib-devel          zlib           zlib-dev
demo pc:libmnl           libmnl-dev     libmnl-devel        libmnl         libmnl-dev
demo pc:libcap-ng        libcap-ng-dev  libcap-ng-devel     libcap-ng      libcap-ng-dev
demo pc:libseccomp       libseccomp-dev libseccomp-devel    libseccomp     libseccomp-dev
demo pc:ncursesw         libncurses-dev ncurses-devel       ncurses        ncurses-dev
demo cmd:ip              iproute2       iproute             iproute2       iproute2
demo cmd:tc              iproute2       iproute-tc          iproute2       iproute2-tc
demo cmd:nft             nftables       nftables            nftables       nftables
demo cmd:setpriv         util-linux     util-linux          util-linux     util-linux-misc
demo cmd:unshare         util-linux     util-linux-core     util-linux     util-linux-misc
test pc:cmocka           libcmocka-dev  libcmocka-devel     cmocka         cmocka-dev
test cmd:bats            bats           bats                bats           bats
test cmd:prove           perl           perl-Test-Harness   perl           perl-utils
test cmd:jq              jq             jq                  jq             jq
test cmd:python3         python3        python3             python         python3
test py:jsonschema       python3-jsonschema python3-jsonschema python-jsonschema py3-jsonschema
test cmd:chromium        chromium       chromium            chromium       chromium
test cmd:chromedriver    chromium-driver chromedriver       chromium       chromium-chromedriver
test py:selenium         python3-selenium python3-selenium  python-selenium py3-selenium
test cmd:pgrep           procps         procps-ng           procps-ng      procps
test cmd:git             git            git                 git            git
test cmd:nc              netcat-openbsd nmap-ncat           openbsd-netcat netcat-openbsd
test cmd:clang           clang          clang               clang          clang
test rt:libclang_rt.fuzzer libclang-rt-dev compiler-rt      compiler-rt    compiler-rt
test cmd:clang-format    clang-format   clang-tools-extra   clang          clang-extra-tools
test cmd:clang-tidy      clang-tidy     clang-tools-extra   clang          clang-extra-tools
test cmd:cppcheck        cppcheck       cppcheck            cppcheck       cppcheck
test cmd:valgrind        valgrind       valgrind            valgrind       valgrind
test cmd:zsh             zsh            zsh                 zsh            zsh
test cmd:mandoc          mandoc         mandoc              mandoc         mandoc
test cmd:shellcheck      shellcheck     ShellCheck          shellcheck     shellcheck
test cmd:promtool        prometheus     prometheus          prometheus     prometheus
test cmd:tshark          tshark         wireshark-cli       wireshark-cli  tshark
test cmd:npm            npm            npm                 npm            npm
test cmd:tmux            tmux           tmux                tmux           tmux
test cmd:busybox         busybox        busybox             busybox        busybox
test pc:lwip             liblwip-dev    -                   -              -
test cmd:slirp4netns     slirp4netns    slirp4netns         slirp4netns    slirp4netns
test cmd:pasta           passt          passt               passt          passt
test cmd:dpkg-shlibdeps  dpkg-dev       -                   -              -
test cmd:nginx           nginx-light    nginx               nginx          nginx
test cmd:haproxy         haproxy        haproxy             haproxy        haproxy
test cmd:redis-server    redis-server   redis               redis          redis
test cmd:psql            postgresql     postgresql-server   postgresql     postgresql
test cmd:linux.uml       user-mode-linux -                  -              -
fuzz cmd:clang           clang          clang               clang          clang
fuzz rt:libclang_rt.fuzzer libclang-rt-dev compiler-rt      compiler-rt    compiler-rt
fuzz cmd:llvm-profdata   llvm           llvm                llvm           llvm
fuzz cmd:afl-clang-fast  afl++          american-fuzzy-lop  afl++          afl++
fresh cmd:debootstrap    debootstrap    debootstrap         debootstrap    debootstrap
fresh cmd:git            git            git                 git            git
END
}

tier=${1-demo}
if (($# > 1)) || [[ $tier != @(demo|test|fuzz|fresh) ]]; then
  echo "deps: takes 'demo' (the default), 'test', 'fuzz' or 'fresh', not '$*'" >&2
  exit 2
fi

modules=' '
if command -v pkg-config >/dev/null; then
  while read -r module _; do modules+="$module "; done < <(pkg-config --list-all 2>/dev/null)
fi

present() {
  case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    pc:*) [[ $modules == *" ${1#pc:} "* ]] ;;
    rt:*) [[ -e $(clang "-print-file-name=${1#rt:}-$(uname -m).a" 2>/dev/null) ]] ;;
    py:*) python3 -c "import ${1#py:}" 2>/dev/null || /usr/bin/python3 -c "import ${1#py:}" 2>/dev/null ;;
    file:*) [[ -e ${1#file:} || -e /usr/include/$(uname -m)-linux-gnu/${1##*/} ]] ;;
  esac
}

manager=
for known in apt-get dnf pacman apk; do
  if command -v "$known" >/dev/null; then
    manager=$known
    break
  fi
done

missing=() packages=()
while read -r row_tier probe apt dnf pacman apk; do
  [[ $row_tier == @(demo|"$tier") ]] || continue
  ! present "$probe" || continue
  case $manager in
    apt-get) package=$apt ;;
    dnf) package=$dnf ;;
    pacman) package=$pacman ;;
    apk) package=$apk ;;
    *) package=${probe#*:} ;;
  esac
  # Debian builds user-mode Linux for x86 alone; the tests say when they go without.
  [[ $package != - && ! ($package == user-mode-linux && $(uname -m) != x86_64) ]] || continue
  missing+=("${probe#*:}")
  [[ " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
done < <(needs)
((${#missing[@]})) || exit 0

case $manager in
  apt-get) install='apt-get install -y --no-install-recommends' ;;
  dnf) install='dnf install -y' ;;
  pacman) install='pacman -S --needed --noconfirm' ;;
  apk) install='apk add' ;;
  *) install= ;;
esac
if [[ -z $install ]]; then
  echo "deps: missing: ${missing[*]}; no apt-get, dnf, pacman or apk here: install them by hand" >&2
  exit 1
fi
if ((EUID != 0)); then
  echo "deps: missing: ${missing[*]}; run: sudo $install ${packages[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
[[ $manager != apt-get ]] || apt-get update -q
echo "deps: installing ${packages[*]}"
# shellcheck disable=SC2086 # a command and its arguments
if ! $install "${packages[@]}"; then
  echo "deps: '$install ${packages[*]}' failed; its message is above" >&2
  exit 1
fi
