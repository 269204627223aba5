#!/usr/bin/env bash
# In user-mode Linux: what lab_in_user_mode has written into the folder $1, played by a kernel that has
# sch_netem. The root file system is the host's, read-only; the folders that a script writes into are not.
set -euo pipefail
room=$1
mapfile -d '' -t call <"$room/call"
cd "${call[0]}"
export COLUMNS=${call[1]}
[[ -z ${call[2]} ]] || export TEARDOWN_COLOR=${call[2]}
for ((i = 3; i < ${#call[@]}; i++)); do
  [[ ${call[i]} != -- ]] || break
  busybox mount -t hostfs -o "${call[i]}" none "${call[i]}"
done
echo 'uml: begins'
# Behind a pipe: what writes to a terminal would count down in one place.
unshare --pid --mount --mount-proc --net --fork --kill-child -- bash "${call[@]:i+1}" 2>"$room/said" | cat
exit "${PIPESTATUS[0]}"
