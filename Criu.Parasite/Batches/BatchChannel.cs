using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Parasite;

/// <summary>
/// How the engine hands batches to one runner: a control block, then room for batches.
///
///   engine: write the batch → Batch, End → Go += 1 → wake    runner: run → StoppedAt → Done = Go → wake
///
/// The wake is one byte on a socket for a guard or a fresh stub (end of file tells each side of the other's death), and a futex for puppets
/// (half the time, and no descriptor in the target).
/// </summary>
internal sealed class BatchChannel
{
    private const int KeptSpace = 256;                    // bytes
    private const long LookNanoseconds = 20_000_000;      // how long a puppet may be silent before the guard looks at it

    private readonly Arena arena;
    private readonly BatchSpace space;
    private readonly Slot<ControlBlock> control;
    private readonly Func<bool> keepGoing;
    private int keptBytes;
    private SafeFileHandle? socket;
    private bool answersBySocket;
    private uint go;                                      // ours: the block in the arena can be written by the target

    /// <param name="arena">Memory shared with the runner.</param>
    /// <param name="offset">Bytes from its start to the control block.</param>
    /// <param name="length">Bytes for control block and batches.</param>
    /// <param name="socket">Our end, for a runner that is woken by socket.</param>
    /// <param name="keepGoing">Asked when a puppet is silent; false: it is gone.</param>
    public BatchChannel(Arena arena, long offset, long length, SafeFileHandle? socket, Func<bool> keepGoing)
    {
        (this.arena, this.socket, this.keepGoing) = (arena, socket, keepGoing);
        control = arena.At<ControlBlock>(offset);
        space = new BatchSpace(offset + ControlBlock.Size + KeptSpace, length - ControlBlock.Size - KeptSpace);
        answersBySocket = socket != null;
    }

    public ref ControlBlock Control => ref control.Value;

    public long ControlAddress => control.Remote;

    public bool IsClosed => socket is { IsClosed: true };

    /// <summary>Called when a batch was started and when it has run: tests end the engine there.</summary>
    public Action? Boundary { get; set; }

    public SyscallBatch NewBatch() => new(arena, space);

    /// <summary>A value that later batches can read: a ring of a few, for what one batch makes and the next ones use.</summary>
    public Slot<T> Keep<T>() where T : unmanaged
    {
        int size = (System.Runtime.CompilerServices.Unsafe.SizeOf<T>() + 15) & ~15;
        if (keptBytes + size > KeptSpace)
            keptBytes = 0;
        var slot = arena.At<T>(space.Start - KeptSpace + keptBytes);
        keptBytes += size;
        return slot;
    }

    public void Run(SyscallBatch batch)
    {
        Start(batch);
        Finish(batch);
    }

    public void Start(SyscallBatch batch) => Start(batch.Records.Remote, batch.Count);

    public void Start(long firstRecord, int count)
    {
        Control.Batch = firstRecord;
        Control.End = firstRecord + (long)count * SyscallRecord.Size;
        Volatile.Write(ref Control.Go, ++go);
        if (socket != null)
            WakeBySocket();
        else
            Kernel.Call(Nr.futex, control.Here + ControlOffset.Go, Futex.FUTEX_WAKE, 1);
        Boundary?.Invoke();
    }

    /// <summary>Waits until the batch has run, and throws for the record at which it ended early.</summary>
    public void Finish(SyscallBatch batch)
    {
        Finish();
        long behind = Control.StoppedAt - batch.Records.Remote;
        int stopped = behind >= 0 && behind % SyscallRecord.Size == 0 ? (int)Math.Min(behind / SyscallRecord.Size, batch.Count) : batch.Count;
        if (stopped == batch.Count)
            return;
        var failed = batch.Records.Span[stopped];
        throw new BatchException((Syscall)failed.Number, stopped, (int)-failed.Result, Describe(failed, batch));
    }

    public void Finish()
    {
        if (answersBySocket)
            WaitBySocket();
        else
            WaitByFutex();
        Boundary?.Invoke();
    }

    /// <summary>The next batch still goes by the socket, but is answered by futex, as all later ones: the socket may then be closed.</summary>
    public void LeaveSocket(SyscallBatch last)
    {
        Control.Socket = -1;
        answersBySocket = false;
        Run(last);
        Close();
        socket = null;
    }

    /// <summary>Takes another runner for the one that is gone: a second guard on the arena of the first.</summary>
    public void Adopt(SafeFileHandle ours)
    {
        socket?.Dispose();
        (socket, answersBySocket) = (ours, true);
        Control.Done = go;
    }

    /// <summary>The runner reads end of file: it runs its will.</summary>
    public void Close() => socket?.Dispose();

    private unsafe void WakeBySocket()
    {
        byte message = 1;
        const int NoSignal = 0x4000;                      // MSG_NOSIGNAL: a library must not raise SIGPIPE in an application
        if (Kernel.Call(Nr.sendto, socket!.Fd(), (long)(&message), 1, NoSignal) != 1)
            throw new RunnerGoneException();
    }

    private unsafe void WaitBySocket()
    {
        byte message;
        if (Kernel.Call(Nr.read, socket!.Fd(), (long)(&message), 1) != 1)
            throw new RunnerGoneException();
    }

    private unsafe void WaitByFutex()
    {
        uint done;
        while ((done = Volatile.Read(ref Control.Done)) != go)
        {
            var timeout = (Seconds: 0L, Nanoseconds: LookNanoseconds);
            long result = Kernel.CallOnce(Nr.futex, control.Here + ControlOffset.Done, Futex.FUTEX_WAIT, done, (long)(&timeout));
            if (result == -Errno.ETIMEDOUT && !keepGoing())
                throw new RunnerGoneException();
        }
    }

    private static string Describe(SyscallRecord r, SyscallBatch batch) => $"{(Syscall)r.Number}({string.Join(", ", Enumerable.Range(0, 5).Select(k => Argument(r, k, batch)))})";

    /// <summary>A path as it is, anything else in hexadecimal.</summary>
    private static string Argument(SyscallRecord r, int k, SyscallBatch batch)
    {
        bool isPath = (Nr)r.Number switch
        {
            Nr.chdir or Nr.chroot or Nr.mkdir or Nr.rmdir or Nr.execve => k == 0,
            Nr.rename => k <= 1,
            Nr.openat or Nr.unlinkat or Nr.fchownat or Nr.fchmodat => k == 1,
            _ => false,
        };
        return isPath && batch.TryReadText(r.Arguments[k]) is { } text ? $"\"{text}\"" : $"{r.Arguments[k]:x}";
    }
}

/// <summary>The other side of a channel died: the guard by SIGKILL, or a puppet with its process.</summary>
internal sealed class RunnerGoneException : Exception;

/// <summary>A batch that ended at a call which had to succeed.</summary>
public sealed class BatchException : Exception
{
    internal BatchException(Syscall call, int record, int errno, string description)
        : base($"{description} failed: {Errno.Name(errno)}") => (Call, Record, ErrorNumber) = (call, record, errno);

    /// <summary>The call.</summary>
    public Syscall Call { get; }

    /// <summary>Its index in the batch.</summary>
    public int Record { get; }

    /// <summary>The kernel's error number, positive.</summary>
    public int ErrorNumber { get; }
}
