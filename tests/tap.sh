# shellcheck shell=bash
# What prints TAP by hand sources this.

tap_number=0

# check NAME COMMAND...: passes when the command ends with 0, is skipped when it ends with 77 (its output
# says why). What it said follows as comments.
check() {
  local name=$1 said status=0
  shift
  tap_number=$((tap_number + 1))
  said=$("$@" 2>&1) || status=$?
  case $status in
    0) echo "ok $tap_number - $name" ;;
    77) echo "ok $tap_number - $name # SKIP ${said//$'\n'/; }" ;;
    *) echo "not ok $tap_number - $name (status $status)" ;;
  esac
  ((status == 77)) || [[ -z $said ]] || sed -E 's/^(# )?/# /' <<<"$said"
}

# wants TOOL...: all of it is skipped where one is missing.
wants() {
  local tool
  for tool; do
    command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool: scripts/deps.sh test installs it" && exit; }
  done
}

# apart COMMAND...: in a network of its own, as root or not.
apart() {
  local -a enter=(unshare --net)
  ((EUID == 0)) || enter+=(--user --map-root-user)
  # shellcheck disable=SC2016 # for the inner shell
  "${enter[@]}" sh -c 'ip link set lo up && exec "$@"' - "$@"
}
