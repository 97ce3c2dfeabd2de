using System.Runtime.InteropServices;
using Criu.Core.Engine;
using Criu.Core.Proc;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// Moves pages from processes to files, through one buffer that never grows. They are read from /proc/P/mem, which asks only who traces (PROT_NONE and execute-only pages
/// too), and not by process_vm_readv: that pins pages, and pinning gives a process its own copy of every page that it shares with a relative, copy on write (since 5.19;
/// seen: PSS of a forked GiB doubled). It costs 10 to 15 % of the time of a copy to tmpfs.
/// </summary>
internal sealed unsafe class PageCopier : IDisposable
{
    public const int BufferSize = 1 << 20;              // bytes

    private readonly byte* buffer = (byte*)NativeMemory.AlignedAlloc(BufferSize, (nuint)Mman.PageSize);

    /// <summary>Copies runs of a process, in order.</summary>
    public void CopyProcess(DumpTask task, List<Proc.PageRun> runs, SafeFileHandle to)
    {
        if (!task.Proc.TryOpenAt("mem"u8, Fcntl.O_RDONLY, out var memory))
            throw new CheckpointException($"the memory of {task} cannot be read: it is gone");
        using (memory)
            if (runs.Sum(r => (long)r.Length) >= OverlapFrom)
            {
                using var ring = new WriteRing(to);
                Copy(task, runs, memory, () => (nint)ring.Take(), ring.Hand);
                ring.Finish();
            }
            else
                Copy(task, runs, memory, () => (nint)buffer, filled => Write(to, filled));
    }

    /// <summary>A small process is done before a thread has begun.</summary>
    private const long OverlapFrom = 8 << 20;          // bytes

    /// <param name="task">Whose pages.</param>
    /// <param name="runs">Which.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="take">Gives a buffer to be filled.</param>
    /// <param name="hand">Writes so many bytes of that buffer.</param>
    private static void Copy(DumpTask task, List<Proc.PageRun> runs, SafeFileHandle memory, Func<nint> take, Action<long> hand)
    {
        var into = (byte*)take();
        long filled = 0;
        foreach (var run in runs)
            for (ulong at = run.Start; at < run.End;)
            {
                long part = Math.Min((long)(run.End - at), BufferSize - filled);
                ReadMemory(task, memory, (long)at, into + filled, part);
                (at, filled) = (at + (ulong)part, filled + part);
                if (filled < BufferSize)
                    continue;
                hand(filled);
                into = (byte*)take();
                filled = 0;
            }
        if (filled > 0)
            hand(filled);
    }

    private static void ReadMemory(DumpTask task, SafeFileHandle memory, long address, byte* into, long bytes)
    {
        for (long done = 0; done < bytes;)
        {
            long got = Kernel.Call(Nr.pread64, memory.Fd(), (long)(into + done), bytes - done, address + done);
            if (got == 0)
                throw new CheckpointException($"the memory of {task} is gone: somebody killed it");
            if (got < 0)
                throw new CheckpointException($"memory of {task} at {address + done:x} cannot be read: {Errno.Name(got)}", "Secret memory (memfd_secret) cannot be dumped");
            done += got;
        }
    }

    public void CopyFile(SafeFileHandle from, long start, long length, SafeFileHandle to)
    {
        for (long done = 0; done < length;)
        {
            long got = Kernel.Call(Nr.pread64, from.Fd(), (long)buffer, Math.Min(BufferSize, length - done), start + done);
            if (got <= 0)
                throw new CheckpointException($"shared memory cannot be read: {Errno.Name(got)}");
            Write(to, got);
            done += got;
        }
    }

    /// <summary>Zeros up to the end of a page.</summary>
    public void Pad(SafeFileHandle to, long bytes)
    {
        NativeMemory.Clear(buffer, (nuint)bytes);
        Write(to, bytes);
    }

    /// <summary>Copies into a file at a place of its own, whatever its position.</summary>
    public void CopyFile(SafeFileHandle from, long start, long length, SafeFileHandle to, long toStart)
    {
        for (long done = 0; done < length;)
        {
            long got = Kernel.Call(Nr.pread64, from.Fd(), (long)buffer, Math.Min(BufferSize, length - done), start + done);
            long put = got > 0 ? Kernel.Call(Nr.pwrite64, to.Fd(), (long)buffer, got, toStart + done) : got;
            if (put <= 0 || put != got)
                throw new CheckpointException($"copying pages of the images failed: {(put < 0 ? Errno.Name(put) : "the file is too short")}");
            done += put;
        }
    }

    /// <summary>How many pages of 4096 bytes, from the first, are the same in two places of images; at most so many.</summary>
    public long CountEqual(SafeFileHandle a, long aStart, SafeFileHandle b, long bStart, long pages)
    {
        const long Half = BufferSize / 2;
        for (long done = 0; done < pages;)
        {
            long bytes = Math.Min(Half, (pages - done) * Mman.PageSize);
            Read(a, buffer, bytes, aStart + done * Mman.PageSize);
            Read(b, buffer + Half, bytes, bStart + done * Mman.PageSize);
            int same = new ReadOnlySpan<byte>(buffer, (int)bytes).CommonPrefixLength(new ReadOnlySpan<byte>(buffer + Half, (int)bytes));
            done += same / Mman.PageSize;
            if (same < bytes)
                return done;
        }
        return pages;
    }

    /// <summary>Reads one page.</summary>
    public ReadOnlySpan<byte> ReadPage(SafeFileHandle file, long offset)
    {
        Read(file, buffer, Mman.PageSize, offset);
        return new ReadOnlySpan<byte>(buffer, (int)Mman.PageSize);
    }

    private static void Read(SafeFileHandle file, byte* into, long bytes, long offset)
    {
        for (long done = 0; done < bytes;)
        {
            long got = Kernel.Call(Nr.pread64, file.Fd(), (long)(into + done), bytes - done, offset + done);
            if (got <= 0)
                throw new CheckpointException($"reading pages of the images failed: {(got < 0 ? Errno.Name(got) : "the file is too short")}");
            done += got;
        }
    }

    private void Write(SafeFileHandle to, long bytes) => Write(to, buffer, bytes);

    public static void Write(SafeFileHandle to, byte* from, long bytes)
    {
        for (long done = 0; done < bytes;)
        {
            long put = Kernel.Call(Nr.write, to.Fd(), (long)(from + done), bytes - done);
            if (put <= 0)
                throw new CheckpointException($"writing pages failed: {Errno.Name(put)}", put == -Errno.ENOSPC ? "Free some space for the images" : null);
            done += put;
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(buffer);
}
