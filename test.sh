#!/bin/bash
# Builds everything and runs every test project. Ends with "N passed, N failed, N skipped"; fails on a failure, on a skip that
# tests/expected-skips does not list, and on a project without tests. Results and coverage go to artifacts/results.
set -uo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

install make make pkg-config pkg-config python3 python3 ip iproute2 nft nftables iptables iptables redis-server redis-server setpriv util-linux go golang-go crit criu protoc protobuf-compiler runc runc || exit 1
./build.sh || exit 1
make -s -C tests/workloads || exit 1
dotnet build Criu.Modules.sln -v quiet --nologo || exit 1
# The engine that is killed over and over: natively it begins, and dies, twenty times as fast as under CoreCLR.
dotnet publish tests/Criu.Parasite.Engine -c Release -o artifacts/publish-engine -v quiet --nologo && cp artifacts/publish-engine/Criu.Parasite.Engine artifacts/parasite-engine || exit 1

results=$PWD/artifacts/results passed=0 failed=0 skipped=0 bad=0
rm -rf "$results"
mkdir -p "$results"

# name<tab>reason of each skipped test of a results file
skips() {
	awk '/<UnitTestResult .*outcome="NotExecuted"/ { match($0, /testName="[^"]*"/); name = substr($0, RSTART + 10, RLENGTH - 11); open = 1 }
		open && /<Message>/ { sub(/.*<Message>/, ""); sub(/<\/Message>.*/, ""); print name "\t" $0; open = 0 }
		open && /<\/UnitTestResult>/ { print name "\t"; open = 0 }' "$1" | sed 's/&quot;/"/g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

expected() {
	while IFS=$'\t' read -r name reason; do
		[[ $name != \#* && -n $name && $1 == $name && $2 == $reason ]] && return 0
	done < tests/expected-skips
	return 1
}

for project in tests/*.Tests/*.csproj; do
	name=$(basename "$project" .csproj)
	echo "== $name"
	timeout 1500 dotnet test "$project" --no-build --nologo --results-directory "$results/$name" --logger "trx;LogFileName=$name.trx" \
		--logger "console;verbosity=minimal" --collect "XPlat Code Coverage" || { bad=1; echo "$name: dotnet test failed"; }
	trx=$results/$name/$name.trx
	[ -s "$trx" ] || { bad=1; echo "$name: no results"; continue; }
	counters=$(grep -m1 '<Counters ' "$trx")
	of() { sed "s/.* $1=\"\([0-9]*\)\".*/\1/" <<< "$counters"; }
	[ "$(of passed)" -gt 0 ] || { bad=1; echo "$name: no test passed"; }
	passed=$((passed + $(of passed))) failed=$((failed + $(of failed)))
	while IFS=$'\t' read -r test reason; do
		skipped=$((skipped + 1))
		expected "$test" "$reason" || { bad=1; echo "Unexpected skip: $test: $reason"; }
	done < <(skips "$trx")
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$bad" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
