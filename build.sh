#!/bin/bash
# Builds, with all that it takes, the native criu into artifacts/criu, and the libraries for C into artifacts/lib and artifacts/include.
set -euo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

install gcc gcc /usr/include/stdio.h libc6-dev /usr/include/zlib.h zlib1g-dev
dotnet --list-sdks 2>/dev/null | grep -q '^10\.' || { echo "The .NET SDK 10.0 is missing: https://dotnet.microsoft.com/download/dotnet/10.0" >&2; exit 1; }

dotnet publish Criu.Cli -c Release -o artifacts/publish -v quiet --nologo
cp artifacts/publish/criu artifacts/criu.new
mv artifacts/criu.new artifacts/criu

# library NAME PROJECT VERSION: artifacts/lib/NAME.so, by the name that programs ask the loader for.
library() {
	dotnet publish "Criu.Native/$2" -c Release -o "artifacts/publish-$1" -v quiet --nologo
	cp "artifacts/publish-$1/$1.so" "artifacts/lib/$1.so.new"
	mv "artifacts/lib/$1.so.new" "artifacts/lib/$1.so.$3"
	ln -sf "$1.so.$3" "artifacts/lib/$1.so"
}
mkdir -p artifacts/lib/pkgconfig artifacts/include
library libcriu Criu 2
library libsoccr Soccr 1
cp Criu.Native/*.pc artifacts/lib/pkgconfig
cp -r Criu.Native/include/. artifacts/include

echo "Built artifacts/criu, $(stat -c %s artifacts/criu | numfmt --to=iec)B"
