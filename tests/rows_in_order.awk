# Prints the rows of a ladder, with the times of day or with -tt, that are before the row above; status 1
# if there are any, or no rows at all. With -v apart=1 each connection is told in one piece, and begins anew.
apart && /^#/ { last = "" }
/^[0-9][0-9:.]+ .*[+-][0-9.]+ (ms|s|min|h) / {
  n = split($1, part, ":")
  t = n == 3 ? part[1] * 3600 + part[2] * 60 + part[3] : part[1]
  # Not where midnight lies between them.
  if (last != "" && t < last && last - t < 43200) { print "back in time: " $0; back = 1 }
  last = t
  rows++
}
END { exit back || (wanted && rows < wanted) }
