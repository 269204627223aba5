# The NDJSON section of the manual page, from the descriptions in ndjson.schema.json: a list for each
# type of object. A property stands on one line there, and so does its description.
function text_of(line) {
  if (!match(line, /"description": "[^"]*"/)) return ""
  line = substr(line, RSTART + 16, RLENGTH - 17)
  gsub(/\. /, ".\n", line)
  return line
}
/^"[a-z_]*": \{$/ && $1 != "\"properties\":" {
  name = $1
  gsub(/[":]/, "", name)
  next
}
/^"description":/ { printf "%s.Ss %s\n%s\n.Bl -tag -width Ds -compact\n", end, name, text_of($0); end = ".El\n"; next }
/^"[a-z_]*": \{.*"description": "/ {
  property = $1
  gsub(/[":]/, "", property)
  printf ".It Cm %s\n%s\n", property, text_of($0)
}
END { printf "%s", end }
