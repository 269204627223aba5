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
