#!/bin/sh
# python_with.sh MODULE ARGUMENT...: runs the Python that has this module: the distribution's, for which
# scripts/deps.sh installs modules, or the first one of the PATH.
module=$1
shift
for python in /usr/bin/python3 python3; do
  if "$python" -c "import $module" 2>/dev/null; then exec "$python" "$@"; fi
done
echo "python_with.sh: no Python here has $module; scripts/deps.sh test installs it" >&2
exit 127
