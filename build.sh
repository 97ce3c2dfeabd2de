#!/bin/bash
# Builds the native criu into artifacts/criu, with all that it takes.
set -euo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

install gcc gcc /usr/include/stdio.h libc6-dev /usr/include/zlib.h zlib1g-dev
dotnet --list-sdks 2>/dev/null | grep -q '^10\.' || { echo "The .NET SDK 10.0 is missing: https://dotnet.microsoft.com/download/dotnet/10.0" >&2; exit 1; }

dotnet publish Criu.Cli -c Release -o artifacts/publish -v quiet --nologo
cp artifacts/publish/criu artifacts/criu.new
mv artifacts/criu.new artifacts/criu
echo "Built artifacts/criu, $(stat -c %s artifacts/criu | numfmt --to=iec)B"
