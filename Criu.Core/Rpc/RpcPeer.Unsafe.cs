using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>Who is at the other end of a socket, as the kernel tells it (SO_PEERCRED): who connected, or who made the pair.</summary>
internal readonly record struct RpcPeer(int Pid, uint User, uint Group)
{
    public static unsafe RpcPeer Of(SafeFileHandle socket)
    {
        PeerCredentials peer = default;
        int size = sizeof(PeerCredentials);
        long result = Kernel.Call(Nr.getsockopt, socket.Fd(), Sockets.SOL_SOCKET, So.PEERCRED, (long)(&peer), (long)(&size));
        return Kernel.Failed(result)
            ? throw new CheckpointException($"Descriptor {socket.Fd()} does not tell who is at its other end: {Errno.Name(result)}", "Give criu a unix socket of type SOCK_SEQPACKET")
            : new RpcPeer(peer.Process, peer.User, peer.Group);
    }

    /// <summary>
    /// Opens a directory that the client has open. We hold it from here on, so neither its end nor a second use of its number changes where the images go.
    /// </summary>
    /// <param name="fd">Number of the descriptor in the client.</param>
    /// <param name="field">Which field has it.</param>
    public SafeFileHandle OpenDirectory(int fd, string field)
    {
        string path = $"/proc/{Pid}/fd/{fd}";
        long directory = Kernel.Open(path, Fcntl.O_PATH | Fcntl.O_DIRECTORY);
        return Kernel.Failed(directory)
            ? throw RpcErrors.BadOption($"{field} is {fd}, and {path} cannot be opened as a directory: {Errno.Name(directory)}", "It is the number of a descriptor of the process that made the socket")
            : Kernel.Own(directory);
    }
}
