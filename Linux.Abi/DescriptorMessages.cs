using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Linux.Abi;

/// <summary>Messages over a unix socket with descriptors beside them: unix(7), cmsg(3). The framework has no word for it.</summary>
internal static unsafe class DescriptorMessages
{
    /// <summary>As many as are sent at once; the kernel's own limit is 253.</summary>
    internal const int Most = 64;

    private const int RoomForDescriptors = ControlHeader.Size + Most * sizeof(int);       // a multiple of 8: no padding

    /// <returns>The bytes sent, or -errno.</returns>
    public static long Send(int socket, ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors)
    {
        byte* control = stackalloc byte[RoomForDescriptors];
        int used = ControlHeader.Size + descriptors.Length * sizeof(int);
        *(ControlHeader*)control = new ControlHeader { Length = (ulong)used, Level = Sockets.SOL_SOCKET, Type = Sockets.SCM_RIGHTS };
        descriptors.CopyTo(new Span<int>(control + ControlHeader.Size, Most));
        fixed (byte* bytes = message)
        {
            var vector = new IoVector { Base = (long)bytes, Length = message.Length };
            var header = new MessageHeader { Vectors = (ulong)&vector, VectorCount = 1 };
            if (descriptors.Length > 0)
                (header.Control, header.ControlLength) = ((ulong)control, (ulong)used);
            return Kernel.Call(Nr.sendmsg, socket, (long)(&header), Sockets.MSG_NOSIGNAL);
        }
    }

    /// <summary>One message. Every descriptor that came with it is in <paramref name="descriptors"/>, also where the message is no good, and is the caller's to close.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="into">Its bytes.</param>
    /// <param name="descriptors">Gets the descriptors.</param>
    /// <param name="isCut">Whether there was more, of either.</param>
    /// <returns>The bytes received, 0 at the end, or -errno.</returns>
    public static long Receive(int socket, Span<byte> into, List<SafeFileHandle> descriptors, out bool isCut)
    {
        byte* control = stackalloc byte[RoomForDescriptors];
        fixed (byte* bytes = into)
        {
            var vector = new IoVector { Base = (long)bytes, Length = into.Length };
            var header = new MessageHeader { Vectors = (ulong)&vector, VectorCount = 1, Control = (ulong)control, ControlLength = RoomForDescriptors };
            long result = Kernel.Call(Nr.recvmsg, socket, (long)(&header), Sockets.MSG_CMSG_CLOEXEC);
            isCut = (header.Flags & (Sockets.MSG_TRUNC | Sockets.MSG_CTRUNC)) != 0;
            if (!Kernel.Failed(result))
                Take(new ReadOnlySpan<byte>(control, (int)header.ControlLength), descriptors);
            return result;
        }
    }

    private static void Take(ReadOnlySpan<byte> control, List<SafeFileHandle> descriptors)
    {
        while (control.Length >= ControlHeader.Size)
        {
            var header = MemoryMarshal.Read<ControlHeader>(control);
            int length = (int)Math.Min(header.Length, (ulong)control.Length);
            if (length < ControlHeader.Size)
                return;
            if (header is { Level: Sockets.SOL_SOCKET, Type: Sockets.SCM_RIGHTS })
                foreach (int fd in MemoryMarshal.Cast<byte, int>(control[ControlHeader.Size..length]))
                    descriptors.Add(Kernel.Own(fd));
            control = control[Math.Min(control.Length, length + 7 & ~7)..];
        }
    }
}
