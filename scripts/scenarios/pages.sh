# shellcheck shell=bash
# The pages of scenarios, for scenario.sh: what was captured while a scenario was played, as one page
# that animates it; of several scenarios, a folder of pages and an index of their stories.

# pages_begin PATH NAME...: into a folder of its own goes what the pages are made of. PATH is a file, or
# for more than one scenario a folder, which is made if need be.
pages_begin() {
  local parent
  pages_to=$1
  shift
  pages_of_many=0
  if (($# > 1)); then
    pages_of_many=1
    mkdir -p -- "$pages_to" 2>/dev/null || true
    [[ -d $pages_to && -w $pages_to ]] || lab_misuse "--html wants a folder for several scenarios, one that can be written: '$pages_to'"
  else
    parent=.
    [[ $pages_to != */* ]] || parent=${pages_to%/*}/
    [[ ! -d $pages_to && -d $parent && -w $parent ]] || lab_misuse "--html wants a file that can be written for one scenario: '$pages_to'"
  fi
  pages_material=$(mktemp -d "${TMPDIR:-/tmp}/teardown-pages.XXXXXX") || exit
  trap 'rm -rf "$pages_material"' EXIT
  # The sniffer, which may have given up root's rights, writes there.
  chmod 1777 "$pages_material"
}

# pages_story SENTENCE...: inside, as it is told.
pages_story() {
  [[ -z $pages ]] || printf '%s\n' "$@" >>"$pages/$name.story"
}

# The packets of several acts are one file, for each has a port of its own.
join_acts() {
  local act
  cat "$1"
  for act in "${@:2}"; do tail -c +25 "$act"; done
}

# pages_add NAME FOLDER: a scenario was played, and its packets are in that folder.
pages_add() {
  local joined=$pages_material/$1.all page=$pages_to act
  local -a files=()
  ((!pages_of_many)) || page=$pages_to/$1.html
  for act in "$2"/"$1"-{1..99}.pcap; do [[ ! -e $act ]] || files+=("$act"); done
  # Of one act what was seen while it was played: who still waited when its packets had ended, and whose.
  if ((${#files[@]} == 1)); then
    cp -- "$pages_material/$1-1.html" "$page"
    mv -- "$pages_material/$1-1.svg" "$pages_material/$1.svg"
    lab_say "Its page: $page"
    return
  fi
  ((${#files[@]})) || return 0
  join_acts "${files[@]}" >"$joined"
  # Status 1 is somebody who is stuck: most often the scenario is about that.
  "$LAB_BIN/capture" -r "$joined" -qq --html "$page" --svg "$pages_material/$1.svg" >/dev/null 2>"$pages_material/said" ||
    (($? == 1)) || {
    lab_complain "no page of $1: $(<"$pages_material/said")"
    return 1
  }
  lab_say "Its page: $page"
}

# As text of HTML.
as_text() {
  local text=$1
  text=${text//&/&amp;}
  text=${text//</&lt;}
  printf '%s' "${text//>/&gt;}"
}

index_entry() {
  local sentence
  # shellcheck disable=SC2154 # of scenario.sh
  printf '<article id="%s"><h2><a href="%s.html">%s</a></h2>\n<p class="shows">%s</p>\n' "$1" "$1" "$1" "$(as_text "${shows[$1]}")"
  while IFS= read -r sentence; do printf '<p>%s</p>\n' "$(as_text "$sentence")"; done <"$pages_material/$1.story"
  printf '<p class="picture"><a href="%s.html"><img alt="The ladder of %s" src="data:image/svg+xml;base64,%s"></a></p></article>\n' \
    "$1" "$1" "$(base64 -w 0 "$pages_material/$1.svg")"
}

# pages_end NAME...: the index of those that have a page.
pages_end() {
  local name index=$pages_to/index.html
  ((pages_of_many)) || return 0
  {
    cat <<'END'
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>How TCP connections end</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
nav ul { columns: 14rem; padding-left: 1.2rem; }
article { border-top: 1px solid #8888; padding: 1rem 0; }
h2 { margin: 0; font-size: 1.2rem; }
.shows { font-weight: 600; margin: 0.2rem 0; }
p { margin: 0.3rem 0; max-width: 44rem; }
.picture { max-width: none; max-height: 34rem; overflow: auto; }
img { max-width: 100%; }
</style>
<h1>How TCP connections end</h1>
<p>Each was played on real sockets, captured, and is animated by the page behind its name.</p>
<nav><ul>
END
    for name; do
      [[ ! -e $pages_to/$name.html ]] || printf '<li><a href="#%s">%s</a></li>\n' "$name" "$name"
    done
    echo '</ul></nav><main>'
    for name; do [[ ! -e $pages_to/$name.html ]] || index_entry "$name"; done
    echo '</main></html>'
  } >"$index"
  lab_say "All of them: $index"
}
