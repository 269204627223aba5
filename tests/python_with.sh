#!/bin/sh
# python_with.sh MODULE ARGUMENT...: runs the Python that has this module: the first one of the PATH,
# or the distribution's, for which scripts/deps.sh installs modules.
module=$1
shift
for python in python3 /usr/bin/python3; do
  if "$python" -c "import $module" 2>/dev/null; then exec "$python" "$@"; fi
done
echo "python_with.sh: no Python here has $module; scripts/deps.sh test installs it" >&2
exit 127
