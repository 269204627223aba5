#!/bin/bash
# Puts the page together and writes it as C: the lines before and after the data. The policy in it
# names what may run and style by their hashes.
set -euo pipefail

cd "$(dirname "$0")"
scripts=(story.js layout.js draw.js page.js)

# hash FILE...: as a Content-Security-Policy names their text.
hash() {
  local hex
  hex=$(cat "$@" | sha256sum)
  # shellcheck disable=SC2001 # two characters at a time
  printf "'sha256-%s'" "$(printf '%b' "$(sed 's/../\\x&/g' <<<"${hex%% *}")" | base64)"
}

declare -A text=(
  [STYLE_HASHES]="$(hash marks.css) $(hash page.css)"
  [SCRIPT_HASH]="$(hash "${scripts[@]}")"
)

# A line of the template may name one file, or several words.
page() {
  local line
  while IFS= read -r line; do
    case $line in
      *@MARKS@*) printf '%s' "${line%%@MARKS@*}" && cat marks.css && printf '%s\n' "${line#*@MARKS@}" ;;
      *@STYLE@*) printf '%s' "${line%%@STYLE@*}" && cat page.css && printf '%s\n' "${line#*@STYLE@}" ;;
      *@SCRIPT@*) printf '%s' "${line%%@SCRIPT@*}" && cat "${scripts[@]}" && printf '%s\n' "${line#*@SCRIPT@}" ;;
      *)
        line=${line//@STYLE_HASHES@/${text[STYLE_HASHES]}}
        printf '%s\n' "${line//@SCRIPT_HASH@/${text[SCRIPT_HASH]}}"
        ;;
    esac
  done <page.html
}

page | sed -e 's/[\\"?]/\\&/g' -e 's/.*/  "&\\n",/' |
  awk 'BEGIN { print "static const char *const page_before[] = {" }
    /@DATA@/ { print "};\nstatic const char *const page_after[] = {"; next }
    { print }
    END { print "};" }'
