#!/usr/bin/env bats
# What is made of the rows of the options: --help, complaints, the manual pages, the completions of
# bash and zsh, and the name that an installed program has.

# shellcheck disable=SC2154 # stderr is of "run --separate-stderr"
load helper

setup_file() {
  export INSTALLED=$BATS_FILE_TMPDIR/usr
  # The flags are those of the build that run.sh has made; "all" is not made again.
  make --no-print-directory -C "$BATS_TEST_DIRNAME/.." -o all SAN=1 CC=gcc install PREFIX="$INSTALLED"
}

setup() { programs=(server client capture); }

# rows PROGRAM: a line for each option of its --help: "-p, --port PORT", a tab, its text.
rows() {
  "$TEARDOWN_BIN/$1" --help | awk '
    function flush() { if (head != "") print head "\t" text; head = text = "" }
    substr($0, 1, 26) == sprintf("%26s", "") { sub(/^ +/, ""); text = text (text == "" ? "" : " ") $0; next }
    /^  / {
      flush()
      short = length($0) > 26 && substr($0, 25, 2) == "  "
      head = short ? substr($0, 1, 24) : $0
      if (short) text = substr($0, 27)
      gsub(/^ +| +$/, "", head)
    }
    END { flush() }'
}

# spellings PROGRAM [PATTERN]: a line for each spelling of each option: -p or --port, and its argument.
spellings() {
  rows "$1" | cut -f 1 | awk '{
    argument = $NF ~ /^-/ ? "" : $NF
    for (i = 1; i <= NF; i++) if ($i ~ /^-/) { sub(/,$/, "", $i); print $i, argument }
  }'
}

# tried PROGRAM ARGUMENT...: its status and stderr; what is on stdout is in $written. bats' own run
# takes ten times as long as the program, and here are hundreds.
tried() {
  written=$BATS_TEST_TMPDIR/written status=0
  stderr=$(timeout 20 "$TEARDOWN_BIN/$1" "${@:2}" 2>&1 >"$written") || status=$?
}

# refuses PROGRAM PATTERN ARGUMENT...: one line on stderr that matches, status 2.
refuses() {
  local program=$1 pattern=$2
  shift 2
  tried "$program" "$@"
  [[ $status == 2 && ! -s $written && $stderr != *$'\n'* && $stderr =~ ^"$program: "$pattern$ ]] ||
    fail "$program $*: status $status" "$(cat "$written")" "$stderr" "not: $pattern"
}

@test "--help: 80 columns, every option with a text, -h and -V everywhere" {
  local program
  for program in "${programs[@]}"; do
    "$TEARDOWN_BIN/$program" --help >"$BATS_TEST_TMPDIR/help"
    [ "$(wc -L <"$BATS_TEST_TMPDIR/help")" -le 80 ]
    [ "$(rows $program | wc -l)" -ge 20 ]
    ! rows $program | grep -vP '^-.*\t.' || fail "$program: an option without a text"
    "$TEARDOWN_BIN/$program" -h | cmp - "$BATS_TEST_TMPDIR/help"
    [ "$("$TEARDOWN_BIN/$program" -V)" = "$("$TEARDOWN_BIN/$program" --version)" ]
    [[ "$("$TEARDOWN_BIN/$program" -V)" =~ ^teardown-$program\ [0-9.]+,\ lib ]]
  done
}

@test "a typo in each option: the nearest is named" {
  local program name _
  for program in "${programs[@]}"; do
    while read -r name _; do
      [[ $name == --* ]] || continue
      name=${name#--}
      refuses $program "unknown option '--${name:0:2}q${name:2}'; did you mean '--$name'\? \(--help lists all\)" \
        "--${name:0:2}q${name:2}"
    done < <(spellings $program)
  done
}

@test "each option that takes an argument asks for it; no other takes one" {
  local program name argument
  for program in "${programs[@]}"; do
    while read -r name argument; do
      if [[ $argument ]]; then
        tried $program $name
        [[ $status == 2 && $stderr == "$program: option '$name' wants an argument: $name $argument (--help lists all)" ]] ||
          fail "$program $name: $status $stderr"
      elif [[ $name == --* ]]; then
        refuses $program "option '$name' takes no argument \(--help lists all\)" "$name=x"
      fi
    done < <(spellings $program)
  done
}

@test "each number is refused below, above and beside its bounds; each word that is none, too" {
  local program name argument low high n=0
  for program in "${programs[@]}"; do
    while read -r name argument; do
      case $argument in
        MS | BYTES | N | S | SEED | PACKETS | KIB | PORT)
          n=$((n + 1))
          refuses $program "$name wants a (whole number|TCP port) from [0-9]+ to [0-9]+, not 'x'" $name x
          [[ $stderr =~ ' from '([0-9]+)' to '([0-9]+)', ' ]]
          low=${BASH_REMATCH[1]} high=${BASH_REMATCH[2]}
          refuses $program "$name wants .* to $high, not '${high}0'" $name ${high}0
          [ "$high" = 18446744073709551615 ] ||
            refuses $program "$name wants .* to $high, not '$((high + 1))'" $name $((high + 1))
          [ "$low" = 0 ] || refuses $program "$name wants .*, not '$((low - 1))'" $name $((low - 1))
          refuses $program "$name wants .*, not '-1'" $name -1
          refuses $program "$name wants .*, not ''" $name ''
          ;;
        HOW | FORMAT | WHETHER | WHEN)
          n=$((n + 1))
          refuses $program "$name wants .* or .*, not 'xyzzy'" $name xyzzy
          ;;
        ID) # a hundred words
          n=$((n + 1))
          refuses $program "$name: there is no 'xyzzy'; there are .* or .*" $name xyzzy
          ;;
      esac
    done < <(spellings $program)
  done
  ((n >= 30))
}

# manual_differs PROGRAM PAGE: says what --help has and the page has not, or the page alone.
manual_differs() {
  local page head text
  page=" $(mandoc -T ascii -O width=1000 "$2" | sed 's/.\x08//g' | tr -s ' \n' ' ')"
  while IFS=$'\t' read -r head text; do
    [[ $page == *" $head ${text^}."* ]] || echo "not in the page: $head ${text^}."
  done < <(rows "$1")
  [ "$(grep -c '^\.It Fl' "$2")" = "$(rows "$1" | wc -l)" ] || echo 'the page has an option more, or less'
}

@test "the manual pages list what --help lists, in the same words" {
  local program page
  command -v mandoc >/dev/null || skip 'no mandoc: scripts/deps.sh test installs it'
  for program in "${programs[@]}"; do
    page=$INSTALLED/share/man/man1/teardown-$program.1
    [ -z "$(manual_differs $program "$page")" ] || fail "$program:" "$(manual_differs $program "$page")"
    # And the comparison sees what it is there to see.
    sed 's/^Print this text and exit/Print that text and exit/' "$page" >"$BATS_TEST_TMPDIR/text"
    [ "$(manual_differs $program "$BATS_TEST_TMPDIR/text")" = 'not in the page: -h, --help Print this text and exit.' ]
    sed 's/^\.It Fl h/.It Fl \\-more\n&/' "$page" >"$BATS_TEST_TMPDIR/more"
    [ "$(manual_differs $program "$BATS_TEST_TMPDIR/more")" = 'the page has an option more, or less' ]
  done
}

@test "a page cannot speak of an option that there is not" {
  local awk=$BATS_TEST_DIRNAME/../common/manual.awk
  printf '.It Fl \\-one\nOne.\n.\\" --one\n' >"$BATS_TEST_TMPDIR/list"
  printf '.Bl\n.\\" OPTIONS\n.\\" --one\nMore.\n.\\" END\n.El\n' >"$BATS_TEST_TMPDIR/page"
  [ "$(awk -f "$awk" "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/page")" = $'.Bl\n.It Fl \\-one\nOne.\nMore.\n.El' ]
  sed -i 's/--one/--two/' "$BATS_TEST_TMPDIR/page"
  run awk -f "$awk" "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/page"
  [[ $status != 0 && $output == *'there is no option --two'* ]]
}

@test "installed, each program speaks of itself and of the others by the installed names" {
  local program bin=$INSTALLED/bin
  PATH=$bin:$PATH
  for program in "${programs[@]}"; do
    run --separate-stderr teardown-$program --nonsense
    [[ $stderr == "teardown-$program: unknown option '--nonsense' (--help lists all)" ]]
    [[ "$(teardown-$program --help)" == "Usage: teardown-$program "* ]]
  done
  [[ "$(teardown-server --help)" == *'Watch it with teardown-capture.'* ]]
  [[ "$("$bin/teardown-client" --help | tr '\n' ' ')" == *"Watch it with $bin/teardown-capture."* ]]
  run --separate-stderr teardown-client 127.0.0.1 9
  [[ $stderr == "teardown-client: 127.0.0.1 port 9: connection refused; is the server running? start teardown-server" ]] ||
    fail "$stderr"
  run --separate-stderr teardown-capture x.pcap
  [[ $stderr == "teardown-capture: 'x.pcap' is a file, not a filter; to read it: teardown-capture -r x.pcap" ]]
}

# ---- completion ----

# offered PROGRAM WORD...: what bash offers for the last word.
offered() {
  bash -c '
    source "$1/teardown-$2"
    COMP_WORDS=("teardown-$2" "${@:3}") COMP_CWORD=$(($# - 2))
    _teardown_$2
    printf "%s\n" "${COMPREPLY[@]}"
  ' - "$INSTALLED/share/bash-completion/completions" "$@"
}

is_offered() { # is_offered EXPECTED PROGRAM WORD...
  local expected=$1
  shift
  [ "$(offered "$@" | tr '\n' ' ')" = "$expected " ] || fail "bash offers for $*:" "$(offered "$@")"
}

@test "bash completes options, words and files" {
  local program
  for program in "${programs[@]}"; do
    # All of them, by their long names.
    diff <(spellings $program | awk '/^--/ { print $1 }' | sort) \
      <(offered $program -- | sort)
  done
  is_offered '--format' capture --fo
  is_offered 'ladder lines json table' capture --format ''
  is_offered 'lines' capture --format = li
  is_offered 'shutdown shutdown-reset' client --close sh
  is_offered 'any' capture -i an
  is_offered '' server -p ''
  is_offered '' capture ''
  [[ $(offered client local) == *localhost* ]]
  cd "$BATS_TEST_TMPDIR"
  touch 'a file.pcap' b.pcap
  [ "$(offered capture -r a)" = 'a file.pcap' ]
}

@test "zsh completes options and words" {
  command -v zsh >/dev/null || skip 'no zsh: scripts/deps.sh test installs it'
  # A shell in a terminal of its own, as somebody types; ^D lists what fits.
  zsh -f -c '
    zmodload zsh/zpty
    zpty shell zsh -f -i
    type_and_wait() { # type_and_wait KEYS PATTERN
      local chunk seen= tries
      zpty -w -n shell "$1"
      for ((tries = 0; tries < 2000; tries++)); do
        if zpty -r -t shell chunk; then seen+=$chunk; else zselect -t 1; fi
        [[ $seen == *$~2* ]] && return 0
      done
      print -r -- "not seen: $2; but: ${(V)seen}"
      exit 1
    }
    zmodload zsh/zselect
    type_and_wait "PS1=; unset zle_bracketed_paste; stty cols 200; fpath=($1 \$fpath)
autoload -Uz compinit; compinit -D -u; print rea\"\"dy
" "ready"
    type_and_wait $'"'"'teardown-client --close s\t'"'"' "shutdown"
    type_and_wait $'"'"'\C-uteardown-capture --format j\t'"'"' "json"
    type_and_wait $'"'"'\C-uteardown-server --never\t'"'"' "--never-close"
    zpty -d shell
  ' - "$INSTALLED/share/zsh/site-functions"
}

@test "--explain is folded to a terminal, and in a pipe it is a line" {
  local columns
  [ "$("$TEARDOWN_BIN/capture" --explain close-wait-stuck | wc -l)" = 4 ]
  for columns in 60 80; do
    TERM=xterm script -qec "stty cols $columns; '$TEARDOWN_BIN/capture' --explain all" /dev/null </dev/null | tr -d '\r' >"$BATS_TEST_TMPDIR/out"
    run ! grep -E "^.{$((columns + 1))}" "$BATS_TEST_TMPDIR/out"
    diff <(tr -s ' \n' '  ' <"$BATS_TEST_TMPDIR/out") <("$TEARDOWN_BIN/capture" --explain all | tr -s ' \n' '  ')
  done
}
