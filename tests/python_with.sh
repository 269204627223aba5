#!/bin/sh
# python_with.sh MODULE ARGUMENT...: runs the Python that has this module: the distribution's, for which
# scripts/deps.sh installs modules, or the first one of the PATH that has it.
module=$1
shift
IFS=:
for folder in /usr/bin $PATH; do
  if "$folder/python3" -c "import sys, importlib.util as i; sys.exit(not i.find_spec('$module'))" 2>/dev/null; then exec "$folder/python3" "$@"; fi
done
echo "python_with.sh: no Python here has $module; scripts/deps.sh test installs it" >&2
exit 127
