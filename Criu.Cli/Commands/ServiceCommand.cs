using System.Globalization;
using System.Runtime.InteropServices;
using Criu.Cli.CommandLine;
using Criu.Cli.Reporting;
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
        string path = Path.GetFullPath(common.Address ?? ServiceSocket.DefaultPath, Path.GetFullPath(common.WorkDir));
        using var listener = ServiceSocket.Listen(path);
        if (!common.Detached && !common.Daemon)
        {
            pidFile?.Write(Environment.ProcessId);
            return Serve(options, listener, path);
        }
        pidFile?.Write(StartInBackground(common, listener, path));
        SayReady(common.StatusFd);
        return 0;
    }

    private static int StartInBackground(CommonOptions common, SafeFileHandle listener, string path)
    {
        string[] log = common.LogFile == null ? [] : ["-o", common.LogFile];
        return OwnProgram.Start(listener.Fd(), ["service", Text(listener.Fd()), "-W", common.WorkDir, "--address", path, $"-v{Text(common.Verbosity)}", .. log]);
    }

    /// <summary>Whoever waits at the other end of a pipe reads a zero byte: clients can connect now.</summary>
    private static void SayReady(int? fd)
    {
        if (fd == null)
            return;
        if (!StandardStream.Write(fd.Value, [0]))
            throw new CheckpointException($"--status-fd {fd} cannot be written", "Give the writing end of a pipe, with a reader");
        Kernel.Call(Nr.close, fd.Value);
    }

    private static SafeFileHandle Inherited(string word)
    {
        const long F_SETFD = 2, FD_CLOEXEC = 1;
        if (!int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int fd))
            throw new CheckpointException($"service takes no \"{word}\"", "Try criu service --help");
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
        return Serve(options, listener, options.Common.Address!);
    }

    private static int Serve(MergedOptions options, SafeFileHandle listener, string path)
    {
        var file = ServiceSocket.FileOf(path);
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => ServiceSocket.Remove(path, file));
        using var interruption = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => ServiceSocket.Remove(path, file));
        SayReady(options.Common.StatusFd);
        using var session = Session.Open(options, DirectoryAccess.Search);
        return session.Run("service", "Serving", session =>
        {
            RpcListener.Run(listener, fd => OwnProgram.Start(fd, "swrk", Text(fd), SwrkCommand.OfService), text => session.Log.Write(LogLevel.Error, "service", text));
            return 0;
        });
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
