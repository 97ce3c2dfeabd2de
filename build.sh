#!/bin/bash
# Builds the native criu into artifacts/criu. As root it installs the Debian packages that the native link needs; else it names them.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v gcc >/dev/null || missing+=(gcc)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
if [ ${#missing[@]} -gt 0 ]; then
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "Please install: ${missing[*]}" >&2; exit 1; }
	apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null || { apt-get update >/dev/null && apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
fi
dotnet --list-sdks 2>/dev/null | grep -q '^10\.' || { echo "The .NET SDK 10.0 is missing: https://dotnet.microsoft.com/download/dotnet/10.0" >&2; exit 1; }

dotnet publish Criu.Cli -c Release -o artifacts/publish -v quiet --nologo
cp artifacts/publish/criu artifacts/criu.new
mv artifacts/criu.new artifacts/criu
echo "artifacts/criu ($(stat -c %s artifacts/criu | numfmt --to=iec)B)"
