using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Linux.Abi;

/// <summary>Messages over a unix socket with descriptors beside them: unix(7), cmsg(3). The framework has no word for it.</summary>
internal static unsafe class DescriptorMessages
{
    /// <summary>As many as are sent at once; the kernel's own limit is 253.</summary>
    internal const int Most = 64;

    /// <summary>SCM_MAX_FD of the kernel's net/scm.h: no message has more.</summary>
    internal const int MostOfKernel = 253;

    private const int RoomForDescriptors = ControlHeader.Size + Most * sizeof(int);       // a multiple of 8: no padding
    private const int RoomForAnything = 8 << 10;        // bytes: descriptors, credentials, the label of a security module

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

    /// <summary>Control messages in memory that is sent from elsewhere: descriptors by their numbers there, and who is the sender.</summary>
    public static byte[] Control(ReadOnlySpan<int> descriptors, PeerCredentials? sender)
    {
        int forSender = sender == null ? 0 : ControlHeader.Size + sizeof(PeerCredentials) + 7 & ~7;
        int forDescriptors = descriptors.IsEmpty ? 0 : ControlHeader.Size + descriptors.Length * sizeof(int) + 7 & ~7;
        byte[] control = new byte[forSender + forDescriptors];
        if (sender is { } known)
        {
            var header = new ControlHeader { Length = (ulong)(ControlHeader.Size + sizeof(PeerCredentials)), Level = Sockets.SOL_SOCKET, Type = Sockets.SCM_CREDENTIALS };
            MemoryMarshal.Write(control, header);
            MemoryMarshal.Write(control.AsSpan(ControlHeader.Size), known);
        }
        if (!descriptors.IsEmpty)
        {
            var header = new ControlHeader { Length = (ulong)(ControlHeader.Size + descriptors.Length * sizeof(int)), Level = Sockets.SOL_SOCKET, Type = Sockets.SCM_RIGHTS };
            MemoryMarshal.Write(control.AsSpan(forSender), header);
            MemoryMarshal.AsBytes(descriptors).CopyTo(control.AsSpan(forSender + ControlHeader.Size));
        }
        return control;
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
                Take(new ReadOnlySpan<byte>(control, (int)header.ControlLength), descriptors, out _);
            return result;
        }
    }

    /// <summary>What would be received next; nothing is taken out, and nothing waited for. Descriptors are copied, and the caller's to close.</summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="into">Its bytes.</param>
    /// <param name="descriptors">Gets the descriptors.</param>
    /// <param name="flags">MSG_TRUNC: the length of a packet is told, also where it is cut.</param>
    /// <param name="sender">Where the socket asks for it (SO_PASSCRED).</param>
    /// <param name="lacksDescriptors">Whether some found no room in our table.</param>
    /// <returns>The bytes, 0 at the end, or -errno.</returns>
    public static long Look(int socket, Span<byte> into, List<SafeFileHandle> descriptors, int flags, out PeerCredentials? sender, out bool lacksDescriptors)
    {
        byte* control = stackalloc byte[RoomForAnything];
        fixed (byte* bytes = into)
        {
            var vector = new IoVector { Base = (long)bytes, Length = into.Length };
            var header = new MessageHeader { Vectors = (ulong)&vector, VectorCount = 1, Control = (ulong)control, ControlLength = RoomForAnything };
            long result = Kernel.Call(Nr.recvmsg, socket, (long)(&header), Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT | Sockets.MSG_CMSG_CLOEXEC | flags);
            lacksDescriptors = (header.Flags & Sockets.MSG_CTRUNC) != 0;
            sender = null;
            if (!Kernel.Failed(result))
                Take(new ReadOnlySpan<byte>(control, (int)header.ControlLength), descriptors, out sender);
            return result;
        }
    }

    /// <summary>
    /// How many bytes of a stream come before the piece that descriptors were sent with. A read goes on into that piece and ends with it, and a look that asks for less tells of the descriptors all
    /// the same; but where the last byte cannot be copied, the piece that it is in counts as not read.
    /// </summary>
    /// <param name="socket">A unix socket.</param>
    /// <param name="into">Room for all bytes of that look.</param>
    /// <returns>A number of bytes.</returns>
    public static long LookBefore(int socket, Span<byte> into)
    {
        const long NowhereMapped = 8;                   // below vm.mmap_min_addr
        fixed (byte* bytes = into)
        {
            var vectors = stackalloc IoVector[2];
            vectors[0] = new IoVector { Base = (long)bytes, Length = into.Length - 1 };
            vectors[1] = new IoVector { Base = NowhereMapped, Length = 1 };
            var header = new MessageHeader { Vectors = (ulong)vectors, VectorCount = 2 };
            long result = Kernel.Call(Nr.recvmsg, socket, (long)(&header), Sockets.MSG_PEEK | Sockets.MSG_DONTWAIT);
            return result == -Errno.EFAULT ? 0 : result;
        }
    }

    private static void Take(ReadOnlySpan<byte> control, List<SafeFileHandle> descriptors, out PeerCredentials? sender)
    {
        sender = null;
        while (control.Length >= ControlHeader.Size)
        {
            var header = MemoryMarshal.Read<ControlHeader>(control);
            int length = (int)Math.Min(header.Length, (ulong)control.Length);
            if (length < ControlHeader.Size)
                return;
            if (header is { Level: Sockets.SOL_SOCKET, Type: Sockets.SCM_RIGHTS })
                foreach (int fd in MemoryMarshal.Cast<byte, int>(control[ControlHeader.Size..length]))
                    descriptors.Add(Kernel.Own(fd));
            else if (header is { Level: Sockets.SOL_SOCKET, Type: Sockets.SCM_PIDFD } && length >= ControlHeader.Size + sizeof(int))
                Kernel.Call(Nr.close, MemoryMarshal.Read<int>(control[ControlHeader.Size..]));      // nobody asked for it here
            else if (header is { Level: Sockets.SOL_SOCKET, Type: Sockets.SCM_CREDENTIALS } && length >= ControlHeader.Size + sizeof(PeerCredentials))
                sender = MemoryMarshal.Read<PeerCredentials>(control[ControlHeader.Size..]);
            control = control[Math.Min(control.Length, length + 7 & ~7)..];
        }
    }
}
