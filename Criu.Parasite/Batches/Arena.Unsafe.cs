using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Parasite;

/// <summary>
/// Memory shared between the engine and puppets, mapped at different addresses in the two. Once a target can write it, it is hostile input: what steers the
/// engine (Go, counts, addresses) is kept on our side, and a result is bounded before it is used.
/// </summary>
internal sealed unsafe class Arena : IDisposable
{
    private byte* view;
    private readonly long remote;

    public Arena(SafeFileHandle file, long size, long remote)
    {
        Size = size;
        this.remote = remote;
        view = (byte*)ParasiteException.Check(
            Kernel.Call(Nr.mmap, 0, size, Mman.PROT_READ | Mman.PROT_WRITE, Mman.MAP_SHARED, file.Fd(), 0), "mmap", "the arena");
    }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>The place of <paramref name="count"/> values at an offset (bytes), as both sides see it.</summary>
    public Slot<T> At<T>(long offset, int count = 1) where T : unmanaged
    {
        if (offset < 0 || offset + (long)count * sizeof(T) > Size)
            throw new ParasiteException($"an arena of {Size} bytes is full");
        ObjectDisposedException.ThrowIf(view == null, this);
        return new Slot<T>((T*)(view + offset), remote + offset, count);
    }

    public void Dispose()
    {
        if (view != null)
            Kernel.Call(Nr.munmap, (long)view, Size);
        view = null;
    }
}

/// <summary>Values in memory that a puppet shares with the engine: <see cref="Remote"/> goes into records, <see cref="Value"/> and <see cref="Span"/> are read here.</summary>
/// <typeparam name="T">An unmanaged type, laid out as the kernel wants it.</typeparam>
public readonly unsafe struct Slot<T> where T : unmanaged
{
    private readonly T* here;
    private readonly int count;

    internal Slot(T* here, long remote, int count)
    {
        this.here = here;
        Remote = remote;
        this.count = count;
    }

    /// <summary>Address in the puppet.</summary>
    public long Remote { get; }

    internal long Here => (long)here;

    /// <summary>Size in bytes.</summary>
    public int Bytes => count * sizeof(T);

    /// <summary>The first value.</summary>
    public ref T Value => ref *here;

    /// <summary>All values.</summary>
    public Span<T> Span => new(here, count);
}
