using System.Net.Sockets;
using System.Runtime.InteropServices;
using Criu.Soccr;

/// <summary>A repair helper for one user: run it with CAP_NET_ADMIN, and the application without.</summary>
static class Helper
{
    public static void Run(string path, uint user)
    {
        using var end = new CancellationTokenSource();
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            end.Cancel();
        }
        // What a client holds and nobody releases is let go after five minutes.
        using var held = NftablesLock.CreateOwned(new NftablesLockOptions { Timeout = TimeSpan.FromMinutes(5) });
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        // Everybody may connect; all but this user are sent away.
        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        listener.Listen();
        Console.WriteLine(path);
        RepairHelper.Serve(listener, new RepairHelperOptions { AllowedUser = user, Lock = held, Log = Console.Error.WriteLine }, end.Token);
        File.Delete(path);
    }
}
