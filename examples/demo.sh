#!/bin/sh
# Judges every example bundle against examples/cluster.yaml. Fails if a good one is refused or a bad one is not.
# The first lines of a bundle's files say what is expected, and with which flags it is judged.
cd "$(dirname "$0")/.." || exit 2
bold='' plain=''
if [ -t 1 ]; then bold='\033[1m' plain='\033[0m'; fi
unexpected=0
for bundle in examples/good/* examples/bad/*; do
  flags=$(sed -n 's/^# Flags: //p' "$bundle"/*)
  printf "\n$bold%s$plain\n" "\$ kubevirt-preflight check $bundle --networks examples/cluster.yaml${flags:+ $flags}"
  # shellcheck disable=SC2086
  kubevirt-preflight check "$bundle" --networks examples/cluster.yaml $flags
  code=$?
  case $bundle in
    examples/good/*) want=0 ;;
    *) want=1 ;;
  esac
  if [ $code -ne $want ]; then
    echo "exit code $code, expected $want" >&2
    unexpected=1
  fi
done
exit $unexpected
