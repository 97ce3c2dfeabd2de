#!/bin/bash
# Shows criu at work: a tree of shells and Python counts; three times it is dumped, killed and restored, and counts on.
set -euo pipefail
cd "$(dirname "$0")"
. tests/packages.sh

[ "$(id -u)" = 0 ] || { echo "Please run the demo as root: giving restored processes their old pids takes a privilege." >&2; exit 1; }
install python3 python3 setsid util-linux
if [ -z "${DEMO_UNDER_REAPER:-}" ]; then
	./build.sh
	DEMO_UNDER_REAPER=1 exec python3 demo/reaper.py "$PWD/demo.sh"
fi

criu=$PWD/artifacts/criu here=$PWD/demo work=$(mktemp -d) tree=
cd "$work"

members() {                                        # the processes of the tree: its session
	local stat
	for stat in /proc/[0-9]*/stat; do
		[ "$(sed 's/.*) //' "$stat" 2>/dev/null | cut -d' ' -f4)" = "$tree" ] && basename "$(dirname "$stat")"
	done
	return 0
}
clean_up() {
	local pids
	pids=$([ -z "$tree" ] || members)
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
last() { tail -n1 "$1" 2>/dev/null | cut -d' ' -f1; }
ms() { echo $(( (${EPOCHREALTIME/./} - $1) / 1000 )); }
until_so() {                                       # MESSAGE COMMAND...: waits up to ten seconds
	local tries
	for ((tries = 0; tries < 500; tries++)); do
		"${@:2}" && return
		sleep 0.02
	done
	echo "The tree $1." >&2
	exit 1
}
both_above() { [ "$(last shell)0" -gt "${1}0" ] 2>/dev/null && [ "$(last python)0" -gt "${2}0" ]; }
gone() { [ -z "$(members)" ]; }
run() {                                            # criu, with the end of its log where it fails
	"$criu" "$1" -D images -o "$1.log" "${@:2}" || { tail -n 20 "images/$1.log" >&2; exit 1; }
}

setsid "$here/tree.sh" < /dev/null > /dev/null 2>&1 &
tree=$!
disown
until_so "does not start" both_above 10 10
echo "A tree of $(members | wc -l) processes counts: $(for p in $(members); do echo "$p $(cat "/proc/$p/comm"),"; done | xargs | sed 's/,$//')"
for round in 1 2 3; do
	mkdir -p images
	start=${EPOCHREALTIME/./}
	run dump -t "$tree"
	dump=$(ms "$start")
	until_so "is still there" gone
	shell=$(last shell) python=$(last python)
	printf 'Round %d: dumped and killed in %3d ms (%s), the shells at %d, Python at %d; ' "$round" "$dump" "$(du -sh images | cut -f1)" "$shell" "$python"
	start=${EPOCHREALTIME/./}
	run restore -d
	printf 'restored in %3d ms; ' "$(ms "$start")"
	until_so "does not count on" both_above $((shell + 20)) $((python + 20))
	echo "counts on: $(last shell) and $(last python)"
	rm -rf images
done
touch stop
until_so "does not end" gone
for file in shell python; do
	awk -v file="$file" '$1 != NR || $2 != NR * NR { print "A gap or a repeat in " file " at line " NR ": " $0; exit 1 }
		END { if (NR == 0) exit 1 }' "$file"
done
echo "Checked: $(wc -l < shell) numbers of the shells and $(wc -l < python) of Python, no gap and no repeat."
