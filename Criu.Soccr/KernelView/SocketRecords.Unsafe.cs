using System.Buffers;
using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What was read of sockets, by their descriptors. The memory is lent, until they are disposed.</summary>
internal sealed unsafe class SocketRecords : IDisposable
{
    private const int Missing = -1, AtOnce = 64 << 10;                  // more than the kernel answers to one read

    private readonly byte[] all;
    private readonly int size;
    private int[] places = [];                          // by descriptor

    private SocketRecords(byte[] all, int length, int head, int size)
    {
        (this.all, this.size) = (all, size);
        for (int at = 0; at + head + size <= length; at += head + size)
        {
            int fd = MemoryMarshal.Read<int>(all.AsSpan(at));
            if (fd >= places.Length)
            {
                int known = places.Length;
                Array.Resize(ref places, Math.Max(2 * known, fd + 1));
                places.AsSpan(known).Fill(Missing);
            }
            places[fd] = at + head;
        }
    }

    /// <param name="fd">Where the records come from.</param>
    /// <param name="head">Length of what comes before each, which begins with the number of the descriptor and ends with the time.</param>
    /// <param name="size">Length of each.</param>
    public static SocketRecords? TryRead(int fd, int head, int size)
    {
        byte[] all = ArrayPool<byte>.Shared.Rent(4 * AtOnce);
        for (int length = 0; ;)
        {
            if (all.Length - length < AtOnce)
            {
                byte[] larger = ArrayPool<byte>.Shared.Rent(2 * all.Length);
                all.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(all);
                all = larger;
            }
            long got;
            fixed (byte* room = &all[length])
                got = Kernel.Call(Nr.read, fd, (long)room, all.Length - length);
            if (got == 0)
                return new SocketRecords(all, length, head, size);
            if (Kernel.Failed(got))
            {
                ArrayPool<byte>.Shared.Return(all);
                return null;
            }
            length += (int)got;
        }
    }

    /// <summary>Empty where there is none.</summary>
    public ReadOnlySpan<byte> Of(int fd) => fd >= 0 && fd < places.Length && places[fd] != Missing ? all.AsSpan(places[fd], size) : [];

    /// <param name="fd">The descriptor.</param>
    /// <param name="time">When it was read, by the kernel's clock (bpf_ktime_get_ns).</param>
    public ReadOnlySpan<byte> Of(int fd, out long time)
    {
        var record = Of(fd);
        time = record.IsEmpty ? 0 : MemoryMarshal.Read<long>(all.AsSpan(places[fd] - sizeof(long)));
        return record;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(all);
}
