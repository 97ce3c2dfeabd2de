using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Memory;

/// <summary>
/// A few buffers and a thread that writes them to a file in order, while the caller fills the next: reading a process's memory and writing tmpfs both cost a core.
/// </summary>
internal sealed unsafe class WriteRing : IDisposable
{
    private const int BufferSize = PageCopier.BufferSize, Count = 4;

    private readonly byte* memory = (byte*)NativeMemory.AlignedAlloc(Count * BufferSize, (nuint)Mman.PageSize);
    private readonly long[] filled = new long[Count];
    private readonly SemaphoreSlim free = new(Count), full = new(0);
    private readonly SafeFileHandle to;
    private readonly Thread writer;
    private volatile Exception? failure;
    private int next;
    private bool isFinished;

    public WriteRing(SafeFileHandle to)
    {
        this.to = to;
        writer = new Thread(WriteAll) { IsBackground = true, Name = "pages" };
        writer.Start();
    }

    /// <summary>The next buffer that may be filled.</summary>
    public byte* Take()
    {
        free.Wait();
        return failure == null ? memory + next * BufferSize : throw failure;
    }

    /// <summary>Hands over the buffer that was taken.</summary>
    public void Hand(long bytes)
    {
        filled[next] = bytes;
        next = (next + 1) % Count;
        full.Release();
    }

    /// <summary>Waits until everything is written.</summary>
    public void Finish()
    {
        Stop();
        if (failure != null)
            throw failure;
    }

    private void Stop()
    {
        isFinished = true;
        free.Wait();
        Hand(0);
        writer.Join();
    }

    private void WriteAll()
    {
        for (int at = 0; ; at = (at + 1) % Count)
        {
            full.Wait();
            if (filled[at] == 0)
                return;
            try
            {
                if (failure == null)
                    PageCopier.Write(to, memory + at * BufferSize, filled[at]);
            }
            catch (CheckpointException e)
            {
                failure = e;                            // the others are taken and thrown away, so that nobody waits for ever
            }
            free.Release();
        }
    }

    public void Dispose()
    {
        if (!isFinished)
        {
            failure ??= new CheckpointException("the dump was given up");
            Stop();
        }
        NativeMemory.AlignedFree(memory);
        free.Dispose();
        full.Dispose();
    }
}
