# Puts the list of options into a manual page: the first file is the list, from `describe man`; the
# last is the page, in which the comment OPTIONS stands where the list belongs. What there is to add
# to the text of an option stands after a comment with its name, up to the next such comment or END:
# in the page itself, or in files between the two. What is added to no option is an error.
function complain(text) {
  print "manual.awk: " text > "/dev/stderr"
  failed = 1
}
FNR == 1 { file++; name = "" }
file == 1 {
  list = list $0 "\n"
  if ($1 == ".\\\"") known[$2]
  next
}
$1 == ".\\\"" && $2 ~ /^-/ { name = $2; if (!(name in known)) complain("there is no option " name); next }
$1 == ".\\\"" && $2 == "END" { name = ""; next }
name != "" { more[name] = more[name] $0 "\n"; next }
$1 == ".\\\"" && $2 == "OPTIONS" { place = n }
{ line[n++] = $0 }
END {
  if (place == "") complain("the page has no place for OPTIONS")
  for (i = 0; i < n; i++) {
    if (i != place) { print line[i]; continue }
    count = split(list, row, "\n")
    for (j = 1; j < count; j++)
      if (row[j] ~ /^\.\\" -/) printf "%s", more[substr(row[j], 5)]
      else print row[j]
  }
  exit failed
}
