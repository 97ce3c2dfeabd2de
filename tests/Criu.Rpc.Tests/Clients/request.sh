#!/bin/sh
# request.sh PROTO SOCKET: a CriuReq in protobuf's text form on standard input, the CriuResp on standard output.
set -e
protoc --proto_path="$(dirname "$1")" --encode=CriuReq "$(basename "$1")" |
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
s.send(sys.stdin.buffer.read())
sys.stdout.buffer.write(s.recv(65536))' "$2" |
	protoc --proto_path="$(dirname "$1")" --decode=CriuResp "$(basename "$1")"
