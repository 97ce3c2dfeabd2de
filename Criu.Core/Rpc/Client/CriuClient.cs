using Criu.Core.Options;
using Criu.Core.Rpc.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// Asks a criu, ours or CRIU itself, over its RPC, with the option records of <see cref="Checkpoint"/>. Each request has a connection of its own, so that requests may be made side by
/// side. The engine runs in a process of its own: that of a service, or one that is started for the request.
/// </summary>
public sealed class CriuClient : IDisposable
{
    private readonly CriuServers servers;

    private CriuClient(CriuServers servers) => this.servers = servers;

    /// <summary>A client that starts <c>criu swrk</c> for each request.</summary>
    /// <param name="command">The program, looked for in PATH where it has no slash, and words before <c>swrk</c>; empty: <c>criu</c>.</param>
    public static CriuClient OfProgram(params IReadOnlyList<string> command) => new(new ProgramServers(command.Count == 0 ? ["criu"] : command));

    /// <summary>A client of <c>criu service</c>.</summary>
    /// <param name="address">Path of the service's socket.</param>
    public static CriuClient OfService(string address) => new(new ServiceServers(address));

    /// <summary>A client for one request.</summary>
    /// <param name="socket">A connected unix socket of type SOCK_SEQPACKET with a criu at its other end. The client closes it.</param>
    public static CriuClient OfSocket(SafeFileHandle socket) => new(new SocketServers(socket));

    /// <summary>Which criu this is.</summary>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="CheckpointException">There is no criu, or it says no.</exception>
    public CriuRelease Version(CancellationToken cancel = default)
    {
        var version = Ask(new CriuReq { Type = CriuReqType.Version }, null, null, cancel).Version;
        return new CriuRelease(version.MajorNumber, version.MinorNumber, version.HasSublevel ? version.Sublevel : null, version.HasGitid ? version.Gitid : null);
    }

    /// <summary>What this criu can do here.</summary>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="CheckpointException">There is no criu, or it says no.</exception>
    public CriuAbilities FeatureCheck(CancellationToken cancel = default)
    {
        var asked = new CriuFeatures { MemTrack = true, LazyPages = true, PidfdStore = true };
        var found = Ask(new CriuReq { Type = CriuReqType.FeatureCheck, Features = asked }, null, null, cancel).Features;
        return new CriuAbilities(found.MemTrack, found.LazyPages, found.PidfdStore);
    }

    /// <summary>Throws where the system lacks what every dump and restore needs, and says what.</summary>
    /// <param name="common">Where it logs; null: on standard error.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="CheckpointException">Something is missing, or there is no criu.</exception>
    public void Check(CommonOptions? common = null, CancellationToken cancel = default)
    {
        using var options = RequestOptions.OfCheck(common ?? new CommonOptions());
        Ask(new CriuReq { Type = CriuReqType.Check, Opts = options.Opts }, options, null, cancel);
    }

    /// <summary>Dumps the tree below <see cref="CommonOptions.Tree"/>; without one, this very process and its descendants (better by <see cref="SelfCheckpoint"/>).</summary>
    /// <param name="common">Which tree, and where images and log are.</param>
    /// <param name="dump">What becomes of the tree, and what is left outside.</param>
    /// <param name="listener">Is told of the stages, on this thread; what it throws stops the dump, and is thrown from here.</param>
    /// <param name="cancel">
    /// Ends the wait. A criu that was started for this request is ended; a service is told with its next notification, if there is a listener, and else goes on.
    /// </param>
    /// <exception cref="CheckpointException">The tree cannot be dumped: says which object, why, and what to do.</exception>
    public DumpReply Dump(CommonOptions common, DumpOptions dump, ICheckpointListener? listener = null, CancellationToken cancel = default)
    {
        using var options = RequestOptions.OfDump(common with { NotifiesClient = listener != null }, dump);
        var response = Ask(new CriuReq { Type = CriuReqType.Dump, Opts = options.Opts }, options, listener, cancel);
        return new DumpReply(response.Dump is { Restored: true });
    }

    /// <summary>Restores a tree. It is on its own afterwards: <see cref="CommonOptions.Detached"/> is always so.</summary>
    /// <param name="common">Where images and log are.</param>
    /// <param name="restore">Who becomes the parent, and what to connect from outside.</param>
    /// <param name="listener">Is told of the stages, on this thread; what it throws stops the restore, and is thrown from here.</param>
    /// <param name="cancel">As with <see cref="Dump"/>.</param>
    /// <exception cref="CheckpointException">The tree cannot be restored.</exception>
    public RestoreReply Restore(CommonOptions common, RestoreOptions restore, ICheckpointListener? listener = null, CancellationToken cancel = default)
    {
        using var options = RequestOptions.OfRestore(common with { NotifiesClient = listener != null }, restore);
        var response = Ask(new CriuReq { Type = CriuReqType.Restore, Opts = options.Opts }, options, listener, cancel);
        return new RestoreReply(response.Restore?.Pid ?? throw new CheckpointException("criu does not tell which process it has restored"));
    }

    /// <summary><see cref="Version"/>, on a thread of its own.</summary>
    /// <param name="cancel">Ends the wait.</param>
    public Task<CriuRelease> VersionAsync(CancellationToken cancel = default) => Apart(() => Version(cancel));

    /// <summary><see cref="FeatureCheck"/>, on a thread of its own.</summary>
    /// <param name="cancel">Ends the wait.</param>
    public Task<CriuAbilities> FeatureCheckAsync(CancellationToken cancel = default) => Apart(() => FeatureCheck(cancel));

    /// <summary><see cref="Check"/>, on a thread of its own.</summary>
    /// <param name="common">Where it logs.</param>
    /// <param name="cancel">Ends the wait.</param>
    public Task CheckAsync(CommonOptions? common = null, CancellationToken cancel = default) => Apart(() =>
    {
        Check(common, cancel);
        return true;
    });

    /// <summary><see cref="Dump"/>, on a thread of its own, where the listener is told, too.</summary>
    /// <param name="common">Which tree, and where images and log are.</param>
    /// <param name="dump">What becomes of the tree, and what is left outside.</param>
    /// <param name="listener">Is told of the stages.</param>
    /// <param name="cancel">As with <see cref="Dump"/>.</param>
    public Task<DumpReply> DumpAsync(CommonOptions common, DumpOptions dump, ICheckpointListener? listener = null, CancellationToken cancel = default) =>
        Apart(() => Dump(common, dump, listener, cancel));

    /// <summary><see cref="Restore"/>, on a thread of its own, where the listener is told, too.</summary>
    /// <param name="common">Where images and log are.</param>
    /// <param name="restore">Who becomes the parent, and what to connect from outside.</param>
    /// <param name="listener">Is told of the stages.</param>
    /// <param name="cancel">As with <see cref="Dump"/>.</param>
    public Task<RestoreReply> RestoreAsync(CommonOptions common, RestoreOptions restore, ICheckpointListener? listener = null, CancellationToken cancel = default) =>
        Apart(() => Restore(common, restore, listener, cancel));

    /// <summary>Closes a given socket that was not used.</summary>
    public void Dispose() => servers.Dispose();

    private static Task<T> Apart<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private CriuResp Ask(CriuReq request, RequestOptions? options, ICheckpointListener? listener, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        using var connection = servers.Open(options, isOwnDump: request is { Type: CriuReqType.Dump, Opts.Pid: 0 });
        var response = connection.Ask(request, listener, cancel);
        return response.Success ? response : throw Failure(request.Type, response);
    }

    private static CheckpointException Failure(CriuReqType type, CriuResp response)
    {
        int number = response.HasCrErrno ? response.CrErrno : 0;
        string reason = response is { HasCrErrmsg: true, CrErrmsg.Length: > 0 } ? response.CrErrmsg
            : number != 0 ? $"criu answers {Errno.Name(number)} to {RpcErrors.NameOf(type)}. Its log tells more"
            : $"criu says no to {RpcErrors.NameOf(type)}. Its log tells why";
        return new CheckpointException(reason.TrimEnd('\n')) { ErrorNumber = number };
    }
}
