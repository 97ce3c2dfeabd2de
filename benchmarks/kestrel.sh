#!/bin/bash
# Builds, and times a web server from start to first answer: cold, and restored. CRIU_REFERENCE: another criu beside ours. Arguments: ROUNDS.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x artifacts/criu ] || ./build.sh
dotnet publish tests/Criu.Kestrel.App -c Release -o artifacts/kestrel -v quiet --nologo
exec python3 -B benchmarks/kestrel.py "$PWD/artifacts/kestrel/Criu.Kestrel.App.dll" "$PWD/artifacts/criu" "${CRIU_REFERENCE:-}" "$@"
