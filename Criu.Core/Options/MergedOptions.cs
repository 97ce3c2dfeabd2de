namespace Criu.Core.Options;

/// <summary>What concerns the session rather than the engine. Everything has CRIU's default.</summary>
public sealed record CommonOptions
{
    /// <summary>Where the images are (<c>--images-dir</c>).</summary>
    public string ImagesDir { get; init; } = ".";

    /// <summary>Where log, pid file and statistics are (<c>--work-dir</c>); the images' directory unless set.</summary>
    public string WorkDir { get => field ?? ImagesDir; init; }

    /// <summary>The log, relative to the work directory (<c>--log-file</c>); null: standard error.</summary>
    public string? LogFile { get; init; }

    /// <summary>0 quiet, 1 errors, 2 warnings, 3 information, 4 debug (<c>--verbosity</c>).</summary>
    public int Verbosity { get; init; } = 2;

    /// <summary>Where the pid of the restored root is written, relative to the work directory (<c>--pidfile</c>).</summary>
    public string? PidFile { get; init; }

    /// <summary>Print the statistics at the end (<c>--display-stats</c>).</summary>
    public bool DisplayStats { get; init; }

    /// <summary>Root of the tree to dump (<c>--tree</c>).</summary>
    public int? Tree { get; init; }

    /// <summary>Path of the service's socket (<c>--address</c>).</summary>
    public string? Address { get; init; }

    /// <summary>Go to the background (<c>--daemon</c>; <c>-d</c> is <see cref="Detached"/>).</summary>
    public bool Daemon { get; init; }

    /// <summary>End when the tree is restored instead of waiting for its root (<c>--restore-detached</c>).</summary>
    public bool Detached { get; init; }

    /// <summary>Programs to run at each stage (<c>--action-script</c>).</summary>
    public IReadOnlyList<string> ActionScripts { get; init; } = [];

    /// <summary>Become a command after the restore, as parent of the tree (<c>--exec-cmd</c>).</summary>
    public bool ExecutesCommand { get; init; }

    /// <summary>That command and its arguments, from behind <c>--</c>.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The client of a request is told of each stage, and may stop there.</summary>
    internal bool NotifiesClient { get; init; }

    /// <summary>Descriptor that a service writes a zero byte to when it is ready (<c>--status-fd</c>).</summary>
    public int? StatusFd { get; init; }

    /// <summary>Descriptors to close before anything else (<c>--close</c>).</summary>
    public IReadOnlyList<int> CloseFds { get; init; } = [];
}

/// <summary>What to probe. Without any of these, what every dump and restore needs.</summary>
public sealed record CheckOptions
{
    /// <summary>Also what some trees need (<c>--extra</c>, <c>--all</c>).</summary>
    public bool Extra { get; init; }

    /// <summary>Also what is tried out (<c>--experimental</c>, <c>--all</c>).</summary>
    public bool Experimental { get; init; }

    /// <summary>These features alone (<c>--feature</c>).</summary>
    public IReadOnlyList<string> Features { get; init; } = [];
}

/// <summary>All settings of a session, merged.</summary>
public sealed record MergedOptions
{
    /// <summary>For the session.</summary>
    public CommonOptions Common { get; init; } = new();

    /// <summary>For a dump.</summary>
    public DumpOptions Dump { get; init; } = new();

    /// <summary>For a restore.</summary>
    public RestoreOptions Restore { get; init; } = new();

    /// <summary>For a check.</summary>
    public CheckOptions Check { get; init; } = new();

    /// <summary>What to warn about: settings that were taken and do nothing yet.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
