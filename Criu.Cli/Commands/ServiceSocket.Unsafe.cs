using Criu.Core;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Commands;

/// <summary>The socket that clients of a service connect to.</summary>
internal static unsafe class ServiceSocket
{
    public const string DefaultPath = "/var/run/criu-service.socket";

    private const int Backlog = 16;

    /// <summary>
    /// Makes it listen. Anybody may connect, as each is served with their own rights. A socket that another service has left behind is replaced; one that is served
    /// is not, and nothing else that has this name.
    /// </summary>
    public static SafeFileHandle Listen(string path)
    {
        byte[] address = UnixAddress.TryMake(path)
            ?? throw new CheckpointException($"The path of the socket, {path}, is longer than {UnixAddress.LongestPath} bytes", "Name another with --address");
        var socket = Make(path);
        long bound = Call(Nr.bind, socket, address);
        if (bound == -Errno.EADDRINUSE && IsLeft(path, address))
        {
            fixed (byte* name = Kernel.CString(path))
                Kernel.Call(Nr.unlink, (long)name);
            bound = Call(Nr.bind, socket, address);
        }
        Demand(bound, path);
        fixed (byte* name = Kernel.CString(path))
            Demand(Kernel.Call(Nr.chmod, (long)name, 0x1b6), path);       // rw-rw-rw-
        Demand(Kernel.Call(Nr.listen, socket.Fd(), Backlog), path);
        return socket;
    }

    /// <summary>At the end of a service its socket goes, if nobody else has taken its place: who connects shall hear that there is none, rather than that nobody listens.</summary>
    /// <param name="path">Where it listens.</param>
    /// <param name="file">What <see cref="FileOf"/> told when the service began.</param>
    public static void Remove(string path, (long, long) file)
    {
        if (FileOf(path) != file)
            return;
        fixed (byte* name = Kernel.CString(path))
            Kernel.Call(Nr.unlink, (long)name);
    }

    /// <summary>Device and inode of the socket's file.</summary>
    public static (long Device, long Inode) FileOf(string path)
    {
        Stat status;
        fixed (byte* name = Kernel.CString(path))
            return Kernel.Failed(Kernel.Call(Nr.lstat, (long)name, (long)&status)) ? default : ((long)status.Device, (long)status.Inode);
    }

    private static SafeFileHandle Make(string path)
    {
        long fd = Kernel.Call(Nr.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0);
        Demand(fd, path);
        return Kernel.Own(fd);
    }

    /// <summary>A socket that nobody listens on refuses connections.</summary>
    private static bool IsLeft(string path, byte[] address)
    {
        using var probe = Make(path);
        return Call(Nr.connect, probe, address) == -Errno.ECONNREFUSED && WorkPlace.IsSpecial(path);
    }

    private static long Call(Nr nr, SafeFileHandle socket, byte[] address)
    {
        fixed (byte* start = address)
            return Kernel.Call(nr, socket.Fd(), (long)start, address.Length);
    }

    private static void Demand(long result, string path)
    {
        if (Kernel.Failed(result))
            throw new CheckpointException($"The socket {path} cannot be used: {Reason(result)}", "Name another with --address");
    }

    private static string Reason(long errno) => -errno == Errno.EADDRINUSE ? "it is there, and served by another or no socket of a service" : WorkPlace.Reason(errno);
}
