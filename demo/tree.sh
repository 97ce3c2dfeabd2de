#!/bin/bash
# The process tree of the demo: numbers go through a pipeline of three shells into the file "shell"; a Python child counts on its own.
# Nothing is started once it runs: the pauses are a read that times out.
python3 "$(dirname "$0")/count.py" &
mkfifo silence
exec 9<> silence
n=0
until [ -e stop ]; do
	echo $((++n))
	read -r -t 0.02 -u 9
done | while read -r n; do
	echo "$n $((n * n))"
done | while read -r n square; do
	echo "$n $square" >> shell
done
wait
