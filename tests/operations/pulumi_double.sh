#!/bin/sh
# Plays the Pulumi CLI as far as `bootstrap` uses it, with the state in a folder beside this file; the original:
# tests/engine/test_state_calls.py. PULUMI_DOUBLE_FAULT, `NUMBER before` or `NUMBER after`, makes one command fail
# before or after it takes effect; `NUMBER between` stops `stack init` after the stack exists but before its file is
# written.
kept="${0%/*}/kept"
test -d "$kept" || mkdir "$kept"
echo "$* at ${PULUMI_BACKEND_URL:-nowhere}" >> "$kept/calls"
number=0
while read -r _; do number=$((number + 1)); done < "$kept/calls"
fault() {
  if [ "${PULUMI_DOUBLE_FAULT:-}" = "$number $1" ]; then
    echo "error: BrokenOff" >&2
    exit 255
  fi
}
option() { # the value of an option in the command line
  wanted="$1"
  shift
  while [ $# -gt 0 ]; do
    if [ "$1" = "$wanted" ]; then
      echo "$2"
      return
    fi
    shift
  done
}
set_key() { # a line of the stack's file, in place of the one before; as the CLI does, with the project's name
  test "$1" != originHeaderSecret || sed -i "/^    secure: /d" "$file"
  sed -i "/^  \(rocketclub-platform:\)\{0,1\}$1:/d" "$file"
  sed -i "s|^config:|config:\n  rocketclub-platform:$1: $2|" "$file"
}
file="Pulumi.$(option --stack "$@").yaml"
fault before
case "$1 $2" in
  "stack export")
    test -f "$kept/state" || exit 6
    cat "$kept/state"
    ;;
  "stack init")
    test ! -f "$kept/state" || exit 255
    echo '{"version": 3, "deployment": {"resources": []}}' > "$kept/state"
    fault between
    printf 'secretsprovider: %s\nencryptedkey: c2VhbGVk\n' "$(option --secrets-provider "$@")" >> "$file"
    ;;
  "stack rm")
    rm "$kept/state"
    ;;
  "config set-all")
    while [ $# -gt 0 ]; do
      if [ "$1" = --plaintext ]; then
        set_key "${2%%=*}" "${2#*=}"
        shift
      fi
      shift
    done
    ;;
  "config set")
    cat > "$kept/secret"
    set_key originHeaderSecret "{secure: v1:c2VhbGVk:c2VhbGVk}"
    ;;
  "config get")
    test -f "$kept/secret" || exit 1
    cat "$kept/secret"
    ;;
  *)
    echo "error: what is that" >&2
    exit 255
    ;;
esac
fault after
