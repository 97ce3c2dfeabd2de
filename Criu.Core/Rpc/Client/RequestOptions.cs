using Criu.Core.Options;
using Criu.Core.Rpc.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// The option records as fields of a request: the way back from <see cref="RpcOptions"/>. Directories are opened here and named by number, so that a criu of another working directory or
/// root finds the same ones; a process that dumps itself names its images by path, as it would otherwise have that directory in them. What the RPC has no field for is refused by name.
/// </summary>
internal sealed class RequestOptions : IDisposable
{
    private readonly List<SafeFileHandle> directories = [];

    public CriuOpts Opts { get; } = new() { ImagesDirFd = -1 };

    /// <summary>Descriptors of ours that criu must have under their numbers.</summary>
    public List<int> Inherited { get; } = [];

    public static RequestOptions OfCheck(CommonOptions common)
    {
        var options = new RequestOptions();
        options.AddCommon(common);
        return options;
    }

    public static RequestOptions OfDump(CommonOptions common, DumpOptions dump) => Make(common, options =>
    {
        options.AddPlaces(common);
        options.Add(dump);
    });

    public static RequestOptions OfRestore(CommonOptions common, RestoreOptions restore) => Make(common, options =>
    {
        options.AddPlaces(common);
        options.Add(restore);
    });

    private static RequestOptions Make(CommonOptions common, Action<RequestOptions> add)
    {
        var options = new RequestOptions();
        try
        {
            options.AddCommon(common);
            add(options);
            return options;
        }
        catch
        {
            options.Dispose();
            throw;
        }
    }

    private void AddCommon(CommonOptions common)
    {
        Refuse(common.PidFile != null, nameof(common.PidFile), "the answer to a restore has the pid");
        Refuse(common.CloseFds.Count > 0, nameof(common.CloseFds), "a criu that is started inherits nothing but what InheritFds names");
        Refuse(common.Daemon, nameof(common.Daemon), "it is for criu service");
        Refuse(common.ActionScripts.Count > 0, nameof(common.ActionScripts), "name them in the configuration of criu, or give an ActionScripts as listener");
        Opts.LogLevel = common.Verbosity;
        if (common.LogFile == null)
            Opts.LogToStderr = true;
        else
            Opts.LogFile = Text(common.LogFile);
        if (common.Tree is { } pid)
            Opts.Pid = pid;
        if (common.DisplayStats)
            Opts.DisplayStats = true;
        if (common.StatusFd is { } status)
            Opts.StatusFd = status;
        if (common.ExecutesCommand)
            Opts.ExecCmd.AddRange(common.Command.Select(Text));
        if (common.NotifiesClient)
            Opts.NotifyScripts = true;
    }

    private static void Refuse(bool isSet, string option, string reason)
    {
        if (isSet)
            throw new CheckpointException($"{nameof(CommonOptions)}.{option} is set, and the RPC has no field for it: {reason}", "Leave it out");
    }

    private void AddPlaces(CommonOptions common)
    {
        if (common.Tree == null)
            Opts.ImagesDir = Text(Path.GetFullPath(common.ImagesDir));
        else
            Opts.ImagesDirFd = Open(common.ImagesDir);
        if (common.WorkDir != common.ImagesDir)
            Opts.WorkDirFd = Open(common.WorkDir);
    }

    private int Open(string path)
    {
        long fd = Kernel.Open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY);
        if (Kernel.Failed(fd))
            throw new CheckpointException($"The directory {path} cannot be opened: {Errno.Name(fd)}", "Make it first");
        directories.Add(Kernel.Own(fd));
        return (int)fd;
    }

    private void Add(DumpOptions dump)
    {
        if (dump.LeaveRunning)
            Opts.LeaveRunning = true;
        if (dump.LeaveStopped)
            Opts.LeaveStopped = true;
        if (dump.ShellJob)
            Opts.ShellJob = true;
        if (dump.OrphanPtsMaster)
            Opts.OrphanPtsMaster = true;
        if (dump.TcpEstablished)
            Opts.TcpEstablished = true;
        if (dump.TcpClose)
            Opts.TcpClose = true;
        if (dump.SkipInFlight)
            Opts.TcpSkipInFlight = true;
        if (dump.ExternalUnixSockets)
            Opts.ExtUnixSk = true;
        Opts.NetworkLock = RpcNames.Of(dump.NetworkLock);
        Opts.Timeout = SecondsOf(dump.Timeout);
        if (dump.RecordsProcessor)
            Opts.CpuCap = (uint)ProcessorParts.All;
        Opts.External.AddRange(dump.External.Select(Text));
    }

    /// <summary>Whole seconds; 0 stands for no limit.</summary>
    private static uint SecondsOf(TimeSpan timeout) => timeout >= OptionValues.NoLimit ? 0 : (uint)Math.Ceiling(Math.Max(timeout.TotalSeconds, 1));

    private void Add(RestoreOptions restore)
    {
        if (restore.Sibling)
            Opts.RstSibling = true;
        if (restore.ShellJob)
            Opts.ShellJob = true;
        if (restore.LeaveStopped)
            Opts.LeaveStopped = true;
        if (restore.OrphanPtsMaster)
            Opts.OrphanPtsMaster = true;
        if (restore.TcpEstablished)
            Opts.TcpEstablished = true;
        if (restore.TcpClose)
            Opts.TcpClose = true;
        if (restore.ExternalUnixSockets)
            Opts.ExtUnixSk = true;
        if (restore.SkipFileModeCheck)
            Opts.SkipFileRwxCheck = true;
        if (restore.Processor is { } parts)
            Opts.CpuCap = (uint)parts;
        Opts.External.AddRange(restore.External.Select(Text));
        foreach (var (fd, key) in restore.InheritFds)
        {
            Opts.InheritFd.Add(new InheritFd { Fd = fd, Key = Text(key) });
            Inherited.Add(fd);
        }
    }

    private static ByteString Text(string text) => ByteString.CopyFromUtf8(text);

    public void Dispose() => directories.ForEach(directory => directory.Dispose());
}
