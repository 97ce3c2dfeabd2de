"""A client that uses pycriu, as Debian's criu package brings it: client.py sk|bin|fd ADDRESS IMAGES [PID]: with a pid it dumps, else it restores"""
import os
import socket
import sys

import pycriu
import pycriu.rpc_pb2 as rpc

how, address, images, *pid = sys.argv[1:]


def new():
    criu = pycriu.criu()
    if how == "sk":
        criu.use_sk(address)
    elif how == "bin":
        criu.use_binary(address)
    else:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(address)
        criu.use_fd(connection.detach())
    criu.opts.images_dir_fd = os.open(images, os.O_DIRECTORY)
    criu.opts.log_level = 4
    return criu


if not pid:
    criu = new()
    criu.opts.log_file = "restore.log"
    print("restored", criu.restore().pid)
    sys.exit()

new().check()
print("checked")

criu = new()
criu.opts.pid = 0x7FFFFFFF
try:
    criu.dump()
except pycriu.CRIUExceptionExternal as e:
    print("refused", e.errno, e.typ == rpc.DUMP and e.resp_typ == rpc.DUMP)

criu = new()
criu.opts.pid = int(pid[0])
criu.opts.log_file = "dump.log"
print("dumped", criu.dump().restored)
