using System.Globalization;
using Criu.Cli.CommandLine;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Cli.Commands;

/// <summary>
/// <c>criu service</c>: gives each client to a worker, <c>criu swrk FD service</c>. With -d the socket listens before this returns; what stays is <c>criu service FD</c>,
/// started with that socket.
/// </summary>
internal static class ServiceCommand
{
    public static int Run(MergedOptions options, string[] words)
    {
        if (words.Length > 0)
            return Stay(options, Inherited(words[0]));
        var common = options.Common;
        WorkPlace.Require(common.WorkDir, "work directory", DirectoryAccess.Search, "Make it, or name another with -W");
        var pidFile = PidFile.Prepare(common.PidFile == null ? null : Path.Combine(common.WorkDir, common.PidFile));
        using var listener = ServiceSocket.Listen(common.Address ?? ServiceSocket.DefaultPath);
        if (!common.Detached && !common.Daemon)
        {
            pidFile?.Write(Environment.ProcessId);
            return Serve(options, listener);
        }
        pidFile?.Write(StartInBackground(common, listener));
        return 0;
    }

    private static int StartInBackground(CommonOptions common, SafeFileHandle listener)
    {
        const long F_DUPFD = 0;
        using var copy = Kernel.Own(Kernel.Call(Nr.fcntl, listener.Fd(), F_DUPFD, 3));
        string[] log = common.LogFile == null ? [] : ["-o", common.LogFile];
        return OwnProgram.Start(["service", Text(copy.Fd()), "-W", common.WorkDir, $"-v{Text(common.Verbosity)}", .. log]);
    }

    private static SafeFileHandle Inherited(string word)
    {
        const long F_SETFD = 2, FD_CLOEXEC = 1;
        if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int fd))
            throw new UsageException($"service takes no \"{word}\"", "Try criu service --help");
        if (Kernel.Failed(Kernel.Call(Nr.fcntl, fd, F_SETFD, FD_CLOEXEC)))
            throw new CheckpointException($"There is no descriptor {fd}", "Start criu service -d");
        return Kernel.Own(fd);
    }

    /// <summary>Out of the session of whoever started it, and without their terminal.</summary>
    private static int Stay(MergedOptions options, SafeFileHandle listener)
    {
        Kernel.Call(Nr.setsid);
        using (var nothing = WorkPlace.Open("/dev/null", "device", Fcntl.O_RDWR))
            for (int fd = 0; fd <= 2; fd++)
                Kernel.Call(Nr.dup3, nothing.Fd(), fd, 0);
        return Serve(options, listener);
    }

    private static int Serve(MergedOptions options, SafeFileHandle listener)
    {
        using var session = Session.Open(options, DirectoryAccess.Search);
        return session.Run("service", "Serving", session =>
        {
            RpcListener.Run(listener, fd => OwnProgram.Start("swrk", Text(fd), SwrkCommand.OfService), text => session.Log.Write(LogLevel.Error, "service", text));
            return 0;
        });
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
