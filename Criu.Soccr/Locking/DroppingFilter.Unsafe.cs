using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The filter of a socket, socket(7). Answers are the kernel's: a value, or -errno.</summary>
internal static unsafe class DroppingFilter
{
    /// <summary>Lets no byte of an incoming segment in: TCP then does not see it, and neither answers nor acknowledges.</summary>
    public static long Attach(SafeHandle socket)
    {
        var instruction = new FilterInstruction { Code = SocketFilter.BPF_RET | SocketFilter.BPF_K, K = 0 };
        var program = new FilterProgram { Length = 1, Instructions = (ulong)&instruction };
        return Set(socket, So.ATTACH_FILTER, &program, sizeof(FilterProgram));
    }

    public static long Detach(SafeHandle socket)
    {
        int unused = 0;
        return Set(socket, So.DETACH_FILTER, &unused, sizeof(int));
    }

    /// <summary>Instructions of the filter that is there, 0 for none; -EACCES of one in eBPF.</summary>
    public static long CountInstructions(SafeHandle socket)
    {
        // The length of this option is in instructions, not bytes; with 0 of them nothing is copied.
        int length = 0;
        long result = Get(socket, So.GET_FILTER, null, &length);
        return Kernel.Failed(result) ? result : length;
    }

    /// <summary>1 where the filter, or its absence, is locked.</summary>
    public static long IsLocked(SafeHandle socket)
    {
        int value = 0, length = sizeof(int);
        long result = Get(socket, So.LOCK_FILTER, &value, &length);
        return Kernel.Failed(result) ? result : value;
    }

    private static long Set(SafeHandle socket, int option, void* value, int length) =>
        Using(socket, fd => Kernel.Call(Nr.setsockopt, fd, Sockets.SOL_SOCKET, option, (long)value, length));

    private static long Get(SafeHandle socket, int option, void* value, int* length) =>
        Using(socket, fd => Kernel.Call(Nr.getsockopt, fd, Sockets.SOL_SOCKET, option, (long)value, (long)length));

    private static long Using(SafeHandle socket, Func<int, long> call)
    {
        bool added = false;
        try
        {
            socket.DangerousAddRef(ref added);
            return call((int)socket.DangerousGetHandle());
        }
        catch (ObjectDisposedException)
        {
            return -Errno.EBADF;
        }
        finally
        {
            if (added)
                socket.DangerousRelease();
        }
    }
}
