# Joins our verdicts (ours.tsv of corpus.sh) with the tables of the corpus and prints TAP.
#
# A row is one connection in one table of the corpus. It agrees when every field that the table
# answers agrees, and is not comparable when none can be compared; a row that is compared on some
# fields only counts as compared. tshark.tsv comes before the others, which look at it.

BEGIN {
  FS = "\t"
  n_tables = split("packetdrill packetdrill/discriminating zeek suricata tcptrace ndpi", order, " ")
}

function base(path) { return substr(path, match(path, /[^\/]*$/)) }
function folder(path, parts, n) { n = split(path, parts, "/"); return parts[n - 1] }

# IPv6 in one spelling: groups without leading zeros, the longest run of them elided by "::".
function address(ip, groups, n, i, out) {
  if (ip !~ /:/ || ip ~ /::/) return ip
  n = split(ip, groups, ":")
  for (i = 1; i <= n; i++) {
    sub(/^0+/, "", groups[i])
    out = out (i > 1 ? ":" : "") (groups[i] == "" ? 0 : groups[i])
  }
  if (match(out, /:0(:0)+(:|$)/)) out = substr(out, 1, RSTART) ":" substr(out, RSTART + RLENGTH)
  return out
}
function name(ip, port) { return ip ~ /:/ ? "[" address(ip) "]:" port : ip ":" port }
function tuple(a, b) { return a < b ? a " " b : b " " a }

# ---- Ours ------------------------------------------------------------------------------------

FNR == 1 { table = base(FILENAME); of = folder(FILENAME) }

table == "corpus.md" {
  if (split($0, cell, / *[|] */) == 8 && cell[2] ~ /\//)
    explained[cell[2], cell[3], cell[4], cell[5], cell[6]] = 1
  next
}

function forget(i) {
  split("", first_fin); split("", fin); split("", copies); split("", again)
  split("", rst); split("", acked)
  split("", path); split("", effective); split("", effect); split("", verdict)
  split("", any_rst); split("", rst_acks)
}
function add_state(k, state) {
  gsub(/_/, "", state)
  if (state !~ /^(FINWAIT1|FINWAIT2|CLOSING|CLOSEWAIT|LASTACK|TIMEWAIT|CLOSED)$/) return
  if (path[k] !~ ("(^|>)" state "$")) path[k] = path[k] (path[k] == "" ? "" : ">") state
}
table == "ours.tsv" && $1 == "segment" {
  k = $2 SUBSEP $3
  if ($4 ~ /F/ && $4 !~ /S/) {
    if (!($2 in first_fin) && $5 != "-") first_fin[$2] = $3
    fin[k]++
  }
  if ($5 ~ /fin[12]/ && copies[k]++) again[k]++
  if ($5 ~ /ack1/) acked[$2, "fin1"] = 1
  if ($5 ~ /final-ack/) acked[$2, "fin2"] = 1
  if ($5 ~ /rst/) {
    rst[k]++
    if ($4 ~ /\./) rst_acks[k] = 1
    if (!($2 in any_rst)) any_rst[$2] = $3
    if ($6 != "unexpected" && !($2 in effective)) {
      effective[$2] = $3
    }
  }
}
table == "ours.tsv" && $1 == "transition" {
  k = $2 SUBSEP $3
  if ($4 == "refuted") sub(/(^|>)[^>]*$/, "", path[k])
  if ($4 != "confirmed" && $4 != "restarted") add_state(k, $5)
}
table == "ours.tsv" && $1 == "summary" { copies_now = $2 + 0 }
table == "ours.tsv" && $1 == "verdict" { verdict[$2] = $0 }

# The file's connections, in order of number, join the others under their tuple.
table == "ours.tsv" && $1 == "end" {
  file = $2
  status[file] = $3
  if ($4 != "-") unread[file] = $4
  copies_in[file] = copies_now; copies_now = 0
  if ($3 > 1 && $4 == "-") broken = broken "# " file ": capture exits with status " $3 "\n"
  n = 0
  for (c in verdict) if (c + 0 > n) n = c + 0
  for (c = 1; c <= n; c++) {
    if (!(c in verdict)) continue
    split(verdict[c], v, FS)
    t = file SUBSEP tuple(v[3], v[4])
    i = ++ours[t]
    o = t SUBSEP i
    ends[o, "client"] = v[3]; ends[o, "server"] = v[4]
    ending[o] = v[6]
    crossed[o] = v[5] == "both"
    state[o, v[3]] = v[7]; state[o, v[4]] = v[8]
    who_rst[o] = c in effective ? ends[o, effective[c]] : "-"
    first[o] = c in first_fin ? ends[o, first_fin[c]] : "-"
    first_rst[o] = c in any_rst ? ends[o, any_rst[c]] : "-"
    for (e = 0; e < 2; e++) {
      side = e ? "server" : "client"
      me = ends[o, side]
      n_fin[o, me] = fin[c, side] + 0
      n_again[o, me] = again[c, side] + 0
      n_rst[o, me] = rst[c, side] + 0
      rst_has_ack[o, me] = (c, side) in rst_acks
      states[o, me] = path[c, side]
      which = side == first_fin[c] ? "fin1" : "fin2"
      if (n_fin[o, me]) fin_acked[o, me] = ((c, which) in acked) + 0
    }
  }
  forget()
}
table == "ours.tsv" { next }

# ---- Rows ------------------------------------------------------------------------------------

function begin_row(test, file, what, closing) {
  row_test = test; row_file = file; row_what = what; row_closing = closing
  row_fields = row_bad = 0
  row_reason = ""
}
function check(field, we, they) {
  row_fields++
  if (we == they) return
  row_bad++
  differences[row_test] = differences[row_test] \
    sprintf("#   %s | %s | %s | %s | %s |%s\n", row_file, row_what, field, we, they,
            (row_file, row_what, field, we, they) in explained ? " explained" : "")
  if (!((row_file, row_what, field, we, they) in explained)) unexplained[row_test]++
}
function silent(reason) { if (row_reason == "") row_reason = reason }
function end_row() {
  if (row_bad) { differs[row_test]++; closing_differs[row_test] += row_closing }
  else if (row_fields) { agreed[row_test]++; closing_agreed[row_test] += row_closing }
  else { silence[row_test]++; reasons[row_test, row_reason]++ }
}
function side_of(me, a, b) { return me == a ? "a" : me == b ? "b" : "-" }
function apart(n, them) {
  if (n == 0) return "inside a tunnel that we do not open"
  return them " splits the tuple into connections elsewhere"
}
function closed(ending) { return ending ~ /^(normal|coalesced|simultaneous)$/ }

FNR == 1 { split($0, header, FS); n_row = 0; next }
{ split("", r); for (i = 1; i <= NF; i++) r[header[i]] = $i; file = of "/" r["file"] }

table == "tshark.tsv" {
  a = name(r["a_ip"], r["a_port"]); b = name(r["b_ip"], r["b_port"])
  t = file SUBSEP tuple(a, b)
  i = ++theirs[t]
  o = t SUBSEP i
  stream[file, r["stream"]] = o
  streams[file]++
  both_acked[o] = r["finack_a"] && r["finack_b"]
  unacked[o] = r["fin_a"] && r["fin_b"] && !both_acked[o]
  reset_late[o] = r["rst_after_fin"]
  their_first_rst[o] = r["first_rst"] == "a" ? a : r["first_rst"] == "b" ? b : ""
  their_fins[o] = r["fin_a"] + r["fin_b"]
  two_fins[o] = r["fin_a"] && r["fin_b"]
  their_first_fin[o] = r["first_fin"] == "a" ? a : r["first_fin"] == "b" ? b : "-"
  saw_close[o] = r["fin_a"] + r["fin_b"] + r["rst_a"] + r["rst_b"] > 0
  pending[o] = $0; pending_of[o] = of; in_order[++n_pending] = o
  next
}

function compare_tshark(o, file, key, f, i) {
  split(pending[o], f, FS)
  for (i in tshark_header) r[tshark_header[i]] = f[i]
  a = name(r["a_ip"], r["a_port"]); b = name(r["b_ip"], r["b_port"])
  file = pending_of[o] "/" r["file"]
  key = file SUBSEP tuple(a, b)
  begin_row(pending_of[o], file, "tshark " r["stream"], saw_close[o])
  if (file in unread) silent(unread[file])
  else if (ours[key] != theirs[key])
    silent(apart(ours[key], "tshark"))
  else {
    check("first_fin", side_of(first[o], a, b), r["first_fin"])
    if (copies_in[file] > 0 && n_fin[o, a] + n_fin[o, b] < r["fin_a"] + r["fin_b"])
      silent("tshark counts copies of one packet")
    else check("fins", n_fin[o, a] "/" n_fin[o, b], r["fin_a"] "/" r["fin_b"])
    check("first_rst", side_of(first_rst[o], a, b), r["first_rst"])
    check("rsts", n_rst[o, a] "/" n_rst[o, b], r["rst_a"] "/" r["rst_b"])
    check_fin_acked("fin_acked_a", o, a, b, r["fin_a"], r["finack_a"])
    check_fin_acked("fin_acked_b", o, b, a, r["fin_b"], r["finack_b"])
    if (r["simul"] != "-") check("crossed", crossed[o], r["simul"])
  }
  end_row()
}

# tshark lets the number in an RST acknowledge a FIN; RFC 9293 3.10.7.4 looks at the RST first.
function check_fin_acked(field, o, me, peer, n, they) {
  if (n == 0) return
  if (they && !fin_acked[o, me] && rst_has_ack[o, peer])
    silent("tshark takes the number in an RST for an ACK of the FIN")
  else check(field, fin_acked[o, me] + 0, they)
}

table == "zeek.tsv" {
  if (r["file"] == "file") next
  x = name(r["orig_h"], r["orig_p"]); y = name(r["resp_h"], r["resp_p"])
  t = file SUBSEP tuple(x, y)
  zeek_rows[t]++
  n_zeek++
  z_file[n_zeek] = file; z_tuple[n_zeek] = t; z_of[n_zeek] = of
  z_x[n_zeek] = x; z_y[n_zeek] = y; z_ts[n_zeek] = r["ts"]
  z_state[n_zeek] = r["conn_state"]; z_history[n_zeek] = r["history"]
  next
}

function first_in(history, upper, lower, x, y, at) {
  at = match(history, "[" upper lower "]")
  return at ? (substr(history, at, 1) == upper ? x : y) : "-"
}
function compare_zeek(z, o, i, n, s, h, x, y, fin_by) {
  x = z_x[z]; y = z_y[z]; s = z_state[z]; h = z_history[z]
  n = 1
  for (i = 1; i <= n_zeek; i++) if (z_tuple[i] == z_tuple[z] && z_ts[i] < z_ts[z]) n++
  o = z_tuple[z] SUBSEP n
  begin_row(z_of[z], z_file[z], "zeek " x " " n, s !~ /^S[01]$/ && h ~ /[FfRr]/)
  if (z_file[z] in unread) silent(unread[z_file[z]])
  else if (ours[z_tuple[z]] != zeek_rows[z_tuple[z]])
    silent(apart(ours[z_tuple[z]], "zeek"))
  else {
    if (s ~ /^S[01]$/) check("conn_state", ending[o], "open")
    else if (s == "REJ") check("conn_state", ending[o], "refused")
    else if (s == "SF") {
      if (unacked[o]) silent("zeek: SF, tshark: a FIN not acknowledged")
      else check("conn_state", closed(ending[o]) ? "SF" : ending[o], "SF")
    } else if (s == "S2" || s == "S3") {
      if (two_fins[o]) silent("zeek: one FIN, tshark: two")
      else if (ending[o] ~ /^unfinished-(fin|close)/)
        check("conn_state", side_of(first[o], x, y), s == "S2" ? "a" : "b")
      else check("conn_state", ending[o], s)
    } else if (s == "RSTO" || s == "RSTR") {
      if (both_acked[o] && reset_late[o]) silent("zeek: an RST after both FINs overrides")
      else if (their_first_rst[o] != "" && their_first_rst[o] != (s == "RSTO" ? x : y))
        silent("zeek names the last RST, tshark the first")
      else if (ending[o] == "reset")
        check("conn_state", "RST by " side_of(who_rst[o], x, y),
              "RST by " (s == "RSTO" ? "a" : "b"))
      else check("conn_state", ending[o], s)
    } else if (their_first_rst[o] != "" && (h ~ /R/) + (h ~ /r/) == 0) {
      silent("zeek: no RST, tshark: one")
    } else {
      check("rst", (n_rst[o, x] > 0) "/" (n_rst[o, y] > 0), (h ~ /R/) "/" (h ~ /r/))
    }
    fin_by = first_in(h, "F", "f", x, y)
    if (o in their_first_fin && their_first_fin[o] != fin_by)
      silent("zeek and tshark disagree on the first FIN")
    else if (h != "-") check("first_fin", side_of(first[o], x, y), side_of(fin_by, x, y))
  }
  end_row()
}

table == "suricata.tsv" {
  if (seen_row[$0]++) next
  x = name(r["src_ip"], r["src_port"]); y = name(r["dest_ip"], r["dest_port"])
  begin_row(of, file, "suricata " (r["src_ip"] == "" ? "-" : x),
            r["tcp_state"] !~ /^(established|syn_sent)$/)
  if (r["src_ip"] == "") o = streams[file] == 1 ? stream[file, 0] : ""
  else o = file SUBSEP tuple(x, y) SUBSEP 1
  if (r["tcp_state"] == "") silent("suricata: no tcp_state")
  else if (o == "") silent("suricata: no tuple and several connections")
  else if (!(o in ending)) silent("no such connection")
  else {
    if (r["tcp_state"] ~ /^(syn_sent|established)$/ && saw_close[o])
      silent("suricata logged the flow before the FIN or RST that tshark sees")
    else check("tcp_state", suricata_state(o), r["tcp_state"])
    if (r["src_ip"] != "" && r["flags_to_server"] != "")
      check("fin_rst_flags", fin_rst(o, x) " " fin_rst(o, y),
            bits(r["flags_to_server"]) " " bits(r["flags_to_client"]))
  }
  end_row()
}
function suricata_state(o, e) {
  e = ending[o]
  if (closed(e) || e == "reset" || e == "refused") return "closed"
  if (e == "unfinished-last-ack") return "last_ack"
  if (e ~ /^unfinished/ && first[o] == ends[o, "client"]) return "close_wait"
  if (e ~ /^unfinished/) return e ~ /close-wait/ ? "fin_wait2" : "fin_wait1"
  return state[o, ends[o, "client"]] == "SYN_SENT" ? "syn_sent" : "established"
}
function fin_rst(o, me) { return (n_fin[o, me] > 0 ? "F" : "") (n_rst[o, me] > 0 ? "R" : "") }
function bits(hex, low) {
  low = index("0123456789abcdef", tolower(substr(hex, 2, 1))) - 1
  return (low % 2 ? "F" : "") (int(low / 4) % 2 ? "R" : "")
}

# ---- packetdrill -----------------------------------------------------------------------------

function local_of(o, side) {
  for (side = 0; side < 2; side++)
    if (ends[o, side ? "server" : "client"] ~ /^(192\.168\.0\.1:|\[fd3d:a0b:17d6::1\]:)/)
      return ends[o, side ? "server" : "client"]
  return ""
}
function other(o, me) { return ends[o, "client"] == me ? ends[o, "server"] : ends[o, "client"] }

# The kernel's path from ESTABLISHED on, without its last CLOSE: that is the end, the hand-over to
# TIME_WAIT, or what packetdrill did after the capture.
function kernel_path(text, out) {
  out = ">" text
  gsub(/_/, "", out)
  sub(/.*>(ESTABLISHED|SYNRECV|SYNSENT|LISTEN)/, "", out)
  while (match(out, />FINWAIT1>FINWAIT1|>FINWAIT2>FINWAIT2|>LASTACK>LASTACK|>CLOSING>CLOSING/))
    out = substr(out, 1, RSTART + RLENGTH / 2 - 1) substr(out, RSTART + RLENGTH)
  sub(/>CLOSE$/, "", out)
  return out == "" ? "-" : substr(out, 2)
}
function our_path(o, me, out) {
  out = states[o, me]
  sub(/(^|>)TIMEWAIT(>CLOSED)?$/, "", out)
  sub(/(^|>)CLOSED$/, "", out)
  return out == "" ? "-" : out
}
function kernel_row(file, o, text, what, me, before, now) {
  me = local_of(o)
  check("kernel_path", our_path(o, me), kernel_path(text))
  before = kernel_path(text)
  if (before ~ /(FINWAIT2|CLOSING)$/ || text !~ />CLOSE$/) return
  now = state[o, me]
  if (now != "CLOSED" && who_rst[o] == "-" && n_rst[o, me] + n_rst[o, other(o, me)] > 0)
    check("kernel_end", now, "CLOSED")
}
function per_side(array, o, me) { return array[o, me] "/" array[o, other(o, me)] }

table == "answers.tsv" { answer_row[++n_answers] = $0; next }
# answers.tsv leaves out what followed the end of the script, the kernel column does not; and it
# counts a FIN that the kernel dropped in SYN_SENT.
function compare_fins(o, me, path) {
  if (path ~ /FIN_WAIT1|LAST_ACK/ && r["fin_L"] == 0)
    silent("answers.tsv: the kernel closed after the script's end")
  else if (their_fins[o] < r["fin_L"] + r["fin_R"])
    silent("answers.tsv counts a FIN that is not in the capture")
  else if (dropped["packetdrill/" r["file"]])
    silent("answers.tsv counts a FIN that discriminating.tsv says was dropped")
  else {
    check("first_fin", first[o] == "-" ? "-" : first[o] == me ? "local" : "remote", r["first_fin"])
    check("fins", per_side(n_fin, o, me), r["fin_L"] + r["refin_L"] "/" r["fin_R"] + r["refin_R"])
  }
}

function compare_answers(k, i, n, o, me, paths, file, f) {
  split(answer_row[k], f, FS)
  for (i in answers_header) r[answers_header[i]] = f[i]
  file = "packetdrill/" r["file"]
  n = split(r["kernel_local_states"], paths, / \|\| /)
  # tshark takes a stray SYN for another stream; the kernel and we do not.
  if (r["streams"] == 1 || (n == 1 && n_ours(file) == 1)) {
    begin_row("packetdrill", file, "0", r["fin_L"] + r["fin_R"] + r["rst_L"] + r["rst_R"] > 0)
    o = stream[file, 0]
    if (!(o in ending)) silent("no such connection")
    else if (n_ours(file) != 1) silent("one stream there, several connections here")
    else {
      me = local_of(o)
      compare_fins(o, me, paths[1])
      check("fins_again", per_side(n_again, o, me), r["refin_L"] "/" r["refin_R"])
      if (paths[1] ~ /(ESTABLISHED|CLOSE_WAIT|FIN_WAIT1)>CLOSE$/ && r["rst_L"] + r["rst_R"] == 0)
        silent("answers.tsv: the kernel sent an RST after the script's end")
      else check("rsts", per_side(n_rst, o, me), r["rst_L"] "/" r["rst_R"])
      if (r["simultaneous"] != "-" && !dropped[file])
        check("crossed", crossed[o] ? "yes" : "no", r["simultaneous"])
      if (n == 1) kernel_row(file, o, paths[1])
    }
    end_row()
    return
  }
  for (i = 1; i <= r["streams"]; i++) {
    o = stream[file, i - 1]
    begin_row("packetdrill", file, i - 1, n_any(o) > 0)
    if (n != r["streams"]) silent("the kernel saw another number of connections than the wire")
    else if (!(o in ending)) silent("no such connection")
    else kernel_row(file, o, paths[i])
    end_row()
  }
}
function n_any(o) {
  return n_fin[o, ends[o, "client"]] + n_fin[o, ends[o, "server"]] + \
         n_rst[o, ends[o, "client"]] + n_rst[o, ends[o, "server"]]
}
function n_ours(file, t, n, p) {
  for (t in ours) { split(t, p, SUBSEP); if (p[1] == file) n += ours[t] }
  return n
}

table == "discriminating.tsv" && $2 ~ /SYN-SENT/ { dropped[file] = 1 }
table == "discriminating.tsv" { why[++n_why] = $0; next }
function compare_discriminating(k, f, file, o, me, text, p, closing) {
  split(why[k], f, FS)
  file = "packetdrill/" f[1]; text = f[2]
  begin_row("packetdrill/discriminating", file, "0", 1)
  o = stream[file, 0]
  if (!(file in status)) silent("the capture is not in the corpus")
  else if (!(o in ending)) silent("no such connection")
  else {
    me = local_of(o)
    p = ">" states[o, me] ">"
    closing = p ~ />CLOSING>/ ? "CLOSING" : "not CLOSING"
    # A LAST_ACK that ends proves nothing about the RST when the final ACK is there too.
    if (text ~ /RST accepted/ && fin_acked[o, me] && states[o, me] ~ /LASTACK/)
      silent("either the RST or the final ACK ended LAST_ACK")
    else if (text ~ /RST accepted/)
      check("rst", who_rst[o] == "-" ? "ignored" : "accepted", "accepted")
    if (text ~ /ignored it/)
      check("rst", who_rst[o] == other(o, me) ? "accepted" : "ignored", "ignored")
    if (text ~ /(^|; )CLOSING/) check("path", closing, "CLOSING")
    if (text ~ /not CLOSING/) check("path", closing, "not CLOSING")
    if (text ~ /SYN-SENT ignored/)
      check("fin", first[o] == me ? "ignored" : "counted", "ignored")
    if (text ~ /unacceptable ACK/)
      check("fin", p ~ /CLOSEWAIT|CLOSING|TIMEWAIT/ ? "counted" : "ignored", "ignored")
    if (match(text, /FIN retransmitted [0-9]+\/[0-9]+/))
      check("fins_again", per_side(n_again, o, me), substr(text, RSTART + 18, RLENGTH - 18))
  }
  end_row()
}

# ---- TAP -------------------------------------------------------------------------------------

function percent(good, bad) { return good + bad == 0 ? 100 : 100 * good / (good + bad) }

END {
  split("file stream a_ip a_port b_ip b_port pkts syn_a syn_b fin_a fin_b rst_a rst_b first_fin " \
        "refin_a refin_b finack_a finack_b first_rst simul late_data rst_after_fin",
        tshark_header, " ")
  split("file run family local streams first_fin fin_L fin_R refin_L refin_R rst_L rst_R " \
        "simultaneous kernel_local_states", answers_header, " ")
  for (i = 1; i <= n_pending; i++) todo[i] = in_order[i]
  for (j = 1; j <= n_pending; j++) if (pending_of[todo[j]] != "packetdrill") compare_tshark(todo[j])
  for (j = 1; j <= n_zeek; j++) compare_zeek(j)
  for (j = 1; j <= n_answers; j++) compare_answers(j)
  for (j = 1; j <= n_why; j++) compare_discriminating(j)

  printf "%s1..%d\n", broken, n_tables
  for (t = 1; t <= n_tables; t++) {
    name_ = order[t]
    good = agreed[name_] + 0; bad = differs[name_] + 0; none = silence[name_] + 0
    all = percent(good, bad)
    closing = percent(closing_agreed[name_], closing_differs[name_])
    if (good + bad + none == 0) {
      printf "ok %d - %s # SKIP not in this corpus\n", t, name_
      continue
    }
    ok = good + bad > 0 && all >= 99 && closing >= 99 && !unexplained[name_] && broken == ""
    failed += !ok
    printf "%s %d - %s\n", ok ? "ok" : "not ok", t, name_
    printf "# agreed %d, differs %d, not comparable %d (closing: agreed %d, differs %d)\n",
           good, bad, none, closing_agreed[name_], closing_differs[name_]
    for (key in reasons) {
      split(key, p, SUBSEP)
      if (p[1] == name_) printf "#   not comparable, %d: %s\n", reasons[key], p[2]
    }
    printf "%s", differences[name_]
    total_good += good; total_bad += bad; total_none += none
  }
  printf "# total: agreed %d, differs %d, not comparable %d\n", total_good, total_bad, total_none
  exit failed > 0
}
