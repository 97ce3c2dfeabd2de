#!/bin/bash
# A pipeline of three: numbers are made, one filter doubles them, another halves and logs them. No process is started once it is ready:
# the pauses are a read that times out.
mkfifo silence && exec 9<>silence
produce() {
	local n=0
	until [ -e finish ]; do
		echo $((++n))
		read -r -t 0.01 -u 9
	done
}
echo ready
produce | while read -r n; do echo $((2 * n)); done | while read -r n; do echo "count $((n / 2))"; done
echo done
