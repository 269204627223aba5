#!/usr/bin/env python3
"""Compares NDJSON with its JSON Schema. check_ndjson.py SCHEMA FILE...: says what differs, status 1."""
import json
import sys

import jsonschema

# What a filter of jq 1.6 cannot write after a dot.
JQ_KEYWORDS = set(
    "def as if then else elif end and or not reduce foreach try catch label import include __loc__".split()
)


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"))
    of_type = {
        name: jsonschema.Draft7Validator({"$ref": "#/definitions/" + name, "definitions": schema["definitions"]})
        for name in (row["$ref"].rsplit("/", 1)[1] for row in schema["oneOf"])
    }
    bad = 0
    for path in sys.argv[2:]:
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            o = json.loads(line)
            said = ["no such type"] if o.get("type") not in of_type else [
                f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in of_type[o["type"]].iter_errors(o)
            ]
            said += [f"{key}: a keyword of jq" for key in keys(o) if key in JQ_KEYWORDS]
            for text in said:
                bad += 1
                print(f"{path}:{number}: {text}")
    return bad > 0


sys.exit(main())
