namespace Criu.Core;

/// <summary>How to dump. Everything has CRIU's default, but for <see cref="NetworkLock"/>.</summary>
public sealed record DumpOptions
{
    /// <summary>Let the tree run on after the dump (<c>--leave-running</c>) instead of killing it.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary>Leave the tree stopped by SIGSTOP after the dump (<c>--leave-stopped</c>).</summary>
    public bool LeaveStopped { get; init; }

    /// <summary>The root may belong to a session and a terminal outside the tree (<c>--shell-job</c>).</summary>
    public bool ShellJob { get; init; }

    /// <summary>
    /// One terminal of the tree may have its other side (the master) outside; the restore makes another one and gives it to the caller. A field of requests alone
    /// (<c>orphan_pts_master</c>), as with CRIU.
    /// </summary>
    public bool OrphanPtsMaster { get; init; }

    /// <summary>Save established TCP connections (<c>--tcp-established</c>): they go on with the tree, or are closed silently and wait for its restore.</summary>
    public bool TcpEstablished { get; init; }

    /// <summary>Dump sockets with a TCP connection without it (<c>--tcp-close</c>): they come back closed.</summary>
    public bool TcpClose { get; init; }

    /// <summary>Let go connections that wait in the queue of a listening TCP socket (<c>--skip-in-flight</c>).</summary>
    public bool SkipInFlight { get; init; }

    /// <summary>How the traffic of saved connections is held until they are restored (<c>--network-lock</c>).</summary>
    public NetworkLockMethod NetworkLock { get; init; } = NetworkLockMethod.Nftables;

    /// <summary>Unix sockets may send datagrams to one outside the tree, which is found again by its name (<c>--ext-unix-sk</c>).</summary>
    public bool ExternalUnixSockets { get; init; }

    /// <summary>Objects that are left outside, in CRIU's words, e.g. <c>file[mnt_id:inode]</c> (<c>--external</c>).</summary>
    public IReadOnlyList<string> External { get; init; } = [];

    /// <summary>Inode of the socket that a process of the tree has asked for this dump on: its own end comes back with the answer that it was restored.</summary>
    internal uint? RequestSocket { get; init; }

    /// <summary>Write which processor this is, for the restore to compare (<c>--cpu-cap</c>).</summary>
    public bool RecordsProcessor { get; init; }

    /// <summary>How long a process may take to stop before the dump gives up (<c>--timeout</c>).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>How the traffic of TCP connections is held while they have no socket. The numbers are those of the image.</summary>
public enum NetworkLockMethod
{
    /// <summary>Rules of iptables(8), one for each direction of each connection.</summary>
    Iptables = 0,

    /// <summary>A table of nf_tables of our own.</summary>
    Nftables = 1,

    /// <summary>Not at all: whoever calls holds it by other means.</summary>
    Skip = 2,
}

/// <summary>How to restore. Everything has CRIU's default.</summary>
public sealed record RestoreOptions
{
    /// <summary>The root becomes a child of the caller's parent (<c>--restore-sibling</c>) rather than of the caller.</summary>
    public bool Sibling { get; init; }

    /// <summary>The root joins the session and process group of the caller (<c>--shell-job</c>).</summary>
    public bool ShellJob { get; init; }

    /// <summary>Leave the restored tree stopped by SIGSTOP (<c>--leave-stopped</c>).</summary>
    public bool LeaveStopped { get; init; }

    /// <summary>
    /// A terminal whose master was outside the tree is made anew, and its master is handed to the listener (<see cref="ICheckpointListener.TakeMaster"/>). A field of requests
    /// alone (<c>orphan_pts_master</c>), as with CRIU.
    /// </summary>
    public bool OrphanPtsMaster { get; init; }

    /// <summary>Restore TCP connections (<c>--tcp-established</c>).</summary>
    public bool TcpEstablished { get; init; }

    /// <summary>Make sockets that had a TCP connection without it, closed (<c>--tcp-close</c>).</summary>
    public bool TcpClose { get; init; }

    /// <summary>Unix sockets may send datagrams to one outside the tree (<c>--ext-unix-sk</c>).</summary>
    public bool ExternalUnixSockets { get; init; }

    /// <summary>The images are a stranger's: no process gets users, groups or capabilities that this one has not got from its user.</summary>
    internal bool OnlyOwnRights { get; init; }

    /// <summary>What of the processor must be as at the dump, which has recorded it (<c>--cpu-cap</c>); null: the registers alone, which every image has.</summary>
    public ProcessorParts? Processor { get; init; }

    /// <summary>Files may have other permissions than at the dump (<c>--skip-file-rwx-check</c>).</summary>
    public bool SkipFileModeCheck { get; init; }

    /// <summary>Descriptors of the caller that take the place of external ones (<c>--inherit-fd</c>).</summary>
    public IReadOnlyList<InheritedDescriptor> InheritFds { get; init; } = [];

    /// <summary>Objects outside, in CRIU's words (<c>--external</c>).</summary>
    public IReadOnlyList<string> External { get; init; } = [];
}

/// <summary>A descriptor of the caller and what it stands for, e.g. <c>pipe:[12345]</c>, <c>tty[8805:5]</c>, or a path without its first slash.</summary>
/// <param name="Fd">Number in the calling process.</param>
/// <param name="Key">What follows the colon of <c>fd[N]:KEY</c>.</param>
public sealed record InheritedDescriptor(int Fd, string Key);

/// <summary>What a dump did. Times in microseconds, as in the image <c>stats-dump</c>.</summary>
public sealed record DumpResult
{
    /// <summary>From the first process stopped to the last.</summary>
    public required uint FreezingTime { get; init; }

    /// <summary>From the first process stopped to the end of the dump.</summary>
    public required uint FrozenTime { get; init; }

    /// <summary>Spent on memory altogether.</summary>
    public required uint MemdumpTime { get; init; }

    /// <summary>Spent on writing pages.</summary>
    public required uint MemwriteTime { get; init; }

    /// <summary>Pages looked at, in private memory.</summary>
    public required ulong PagesScanned { get; init; }

    /// <summary>Pages written, of private memory.</summary>
    public required ulong PagesWritten { get; init; }

    /// <summary>Pages looked at, in shared memory.</summary>
    public ulong SharedPagesScanned { get; init; }

    /// <summary>Pages written, of shared memory.</summary>
    public ulong SharedPagesWritten { get; init; }

    /// <summary>Processes in the tree.</summary>
    public required int Processes { get; init; }
}

/// <summary>What a restore did. Times in microseconds, as in the image <c>stats-restore</c>.</summary>
public sealed record RestoreResult
{
    /// <summary>The root's pid in the caller's pid namespace.</summary>
    public required int RootPid { get; init; }

    /// <summary>Until all processes existed.</summary>
    public required uint ForkingTime { get; init; }

    /// <summary>The whole restore.</summary>
    public required uint RestoreTime { get; init; }

    /// <summary>Pages compared with a relative's.</summary>
    public required ulong PagesCompared { get; init; }

    /// <summary>Pages left shared with a relative (copy on write).</summary>
    public required ulong PagesSkippedCow { get; init; }

    /// <summary>Pages written into processes.</summary>
    public required ulong PagesRestored { get; init; }
}
