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


def order(o, newest):
    """What the schema cannot say: how the segments of a connection are numbered, and referred to."""
    last = newest.get(o.get("conn"), 0)
    if o.get("type") == "segment":
        newest[o["conn"]] = o["n"]
        if o["n"] != last + 1:
            yield f"n: {o['n']} follows {last}"
        if ("before" in o) != (o["n"] == 1):
            yield "before: of the first segment, and of no other"
    elif o.get("type") == "transition":
        if o.get("segment") not in (None, last):
            yield f"segment: {o['segment']}, but the newest is {last}"
        if (o.get("of_segment") or 0) >= (o.get("segment") or 1):
            yield f"of_segment: {o['of_segment']} is not older than {o['segment']}"


def main():
    schema = json.load(open(sys.argv[1], encoding="utf-8"))
    of_type = {
        name: jsonschema.Draft7Validator({"$ref": "#/definitions/" + name, "definitions": schema["definitions"]})
        for name in (row["$ref"].rsplit("/", 1)[1] for row in schema["oneOf"])
    }
    bad = 0
    for path in sys.argv[2:]:
        newest = {}
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            o = json.loads(line)
            said = ["no such type"] if o.get("type") not in of_type else [
                f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in of_type[o["type"]].iter_errors(o)
            ]
            said += order(o, newest)
            said += [f"{key}: a keyword of jq" for key in keys(o) if key in JQ_KEYWORDS]
            for text in said:
                bad += 1
                print(f"{path}:{number}: {text}")
    return bad > 0


sys.exit(main())
