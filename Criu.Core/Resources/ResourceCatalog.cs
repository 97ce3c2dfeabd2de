using Criu.Core.Engine;
using Criu.Core.Resources.Files;
using Criu.Core.Resources.Tasks;

namespace Criu.Core.Resources;

/// <summary>Every kind of thing that can be dumped and restored, one line each. Calls are made in this order within a stage.</summary>
internal static class ResourceCatalog
{
    public static readonly IThreadKind[] ThreadKinds =
    [
        new ThreadName(), new TidAddress(), new AlternateStack(), new RestartableSequences(), new Scheduling(), new Credentials(), new RobustList(),
        new PendingThreadSignals(),
    ];

    public static readonly ITaskKind[] TaskKinds =
    [
        new MembarrierRegistrations(), new ProcFileValues(), new SignalActions(), new ResourceLimits(), new ProcessAttributes(), new PendingSharedSignals(),
        new PosixTimers(), new IntervalTimers(),
    ];

    public static readonly IFileKind[] FileKinds =
    [
        new RegularFile(), new Pipe(), new Fifo(), new EventFd(), new EventPoll(), new SignalFd(), new TimerFd(), new InotifyInstance(), new MemFd(), new Terminal(), new UnixSocket(), new InetSocket(),
        new NetlinkSocket(),
    ];

    /// <summary>Of the kinds that work for the whole tree of a dump; in each stage they come in this order.</summary>
    public static IReadOnlyList<IDumpStages> StagesOf(DumpContext dump) => [new UnixSocketDump(dump), new TerminalDump(dump), new InetSocketDump(dump)];

    /// <summary>Of those that work for the whole tree of a restore.</summary>
    public static IReadOnlyList<IRestoreStages> StagesOf(RestoreContext restore) => [new PipeRestore(restore), new SocketQueueRestore(restore), new TerminalRestore(restore), new InetSocketRestore(restore)];
}
