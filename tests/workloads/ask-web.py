# ask-web.py METHOD URL: one request, and its answer on standard output.
import sys, urllib.request
print(urllib.request.urlopen(urllib.request.Request(sys.argv[2], method=sys.argv[1]), timeout=60).read().decode(), end='')
