#!/bin/bash
# compare.sh [ROUNDS] [CASE...]: whole dumps and restores by our criu, and alternately by the one that CRIU_REFERENCE names. See README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
ours=${CRIU_BINARY:-$root/artifacts/criu}

[ "$(id -u)" = 0 ] || { echo "compare.sh must run as root, as criu does" >&2; exit 1; }
[ -x "$ours" ] || { echo "There is no $ours: run ./build.sh first, or name another with CRIU_BINARY" >&2; exit 1; }
make -s -C "$root/tests/workloads" OUT="$root/artifacts/workloads" "$root"/artifacts/workloads/{counter,tree,threads,connections,memory,launch}
exec python3 "$here/compare.py" "$root/artifacts/workloads" "$ours" "${CRIU_REFERENCE:-}" "$@"
