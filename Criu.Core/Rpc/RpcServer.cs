using Criu.Core.Options;
using Criu.Core.Rpc.Proto;
using Linux.Abi;

namespace Criu.Core.Rpc;

/// <summary>
/// Serves one client. Whatever it sends ends in an answer or, where none can be given, in the end of this connection: nobody else is concerned, for each
/// client has a process of its own.
/// </summary>
public sealed class RpcServer
{
    // The version of CRIU whose images, options and RPC these are.
    private const int MajorVersion = 4, MinorVersion = 2;

    private readonly RpcChannel channel;
    private readonly RpcHost host;
    private readonly bool isService;

    private RpcServer(RpcChannel channel, RpcHost host, bool isService) => (this.channel, this.host, this.isService) = (channel, host, isService);

    /// <summary>Serves the client at the other end of an inherited socket until it is done, and answers whether all went well.</summary>
    /// <param name="socket">Descriptor of a unix socket of type SOCK_SEQPACKET. It is closed at the end, and no program that is started inherits it.</param>
    /// <param name="host">Does the work.</param>
    /// <param name="isService">The client is a stranger that connected, not our parent: our own descriptors and our parent are none of its business.</param>
    /// <exception cref="CheckpointException">The descriptor is no such socket.</exception>
    public static bool Serve(int socket, RpcHost host, bool isService)
    {
        using var channel = RpcChannel.Over(socket);
        var server = new RpcServer(channel, host, isService);
        return (!isService || server.BecomePeer()) && server.Run();
    }

    private bool BecomePeer()
    {
        try
        {
            channel.BecomePeer();
            return true;
        }
        catch (CheckpointException exception)
        {
            host.Complain(exception.Message);
            channel.Send(Failure(CriuReqType.Empty, exception));
            return false;
        }
    }

    private bool Run()
    {
        CriuReq? request;
        bool succeeded = true, goesOn = true;
        while (goesOn && (request = Receive(ref succeeded)) != null)
        {
            var response = Answer(request);
            succeeded &= response.Success;
            goesOn = channel.Send(response) && request.KeepOpen && StaysOpen(request.Type);
        }
        return succeeded;
    }

    /// <summary>What is no request ends the client, after an answer: where one message was wrong, the next one need not be what it seems.</summary>
    private CriuReq? Receive(ref bool succeeded)
    {
        try
        {
            return channel.Receive();
        }
        catch (CheckpointException exception)
        {
            host.Complain($"The client, process {channel.Peer.Pid}, is left: {exception.Message}");
            channel.Send(Failure(CriuReqType.Empty, exception));
            succeeded = false;
            return null;
        }
    }

    private static bool StaysOpen(CriuReqType type) => type is CriuReqType.Version or CriuReqType.FeatureCheck
        or CriuReqType.CpuinfoDump or CriuReqType.CpuinfoCheck or CriuReqType.PageServer or CriuReqType.PageServerChld;

    private CriuResp Answer(CriuReq request)
    {
        try
        {
            return Dispatch(request);
        }
        catch (Exception exception)
        {
            host.Complain($"{RpcErrors.NameOf(request.Type)} of process {channel.Peer.Pid} failed: {host.Describe(exception)}");
            return Failure(Enum.IsDefined(request.Type) ? request.Type : CriuReqType.Empty, exception);
        }
    }

    private CriuResp Dispatch(CriuReq request) => request.Type switch
    {
        CriuReqType.Version => new CriuResp
        {
            Type = request.Type, Success = true, Version = new CriuVersion { MajorNumber = MajorVersion, MinorNumber = MinorVersion },
        },
        CriuReqType.FeatureCheck => new CriuResp { Type = request.Type, Success = true, Features = Probe(request.Features) },
        CriuReqType.Check => Check(request),
        CriuReqType.Dump => Dump(request),
        CriuReqType.Restore => Restore(request),
        CriuReqType.Notify => throw RpcErrors.BadOption("NOTIFY answers a notification, and none was sent", "Begin with another request"),
        CriuReqType.Empty => throw RpcErrors.BadOption("A request of type EMPTY asks for nothing", "Set the type"),
        _ => throw RpcErrors.Unsupported($"Requests of type {RpcErrors.NameOf(request.Type)} are not supported yet"),
    };

    /// <summary>Those that were asked for, by the names that the kernel's features have in the catalogue.</summary>
    private static CriuFeatures Probe(CriuFeatures? asked)
    {
        if (asked == null)
            throw RpcErrors.BadOption("FEATURE_CHECK names no features", "Set features");
        var found = new CriuFeatures();
        if (asked.HasMemTrack)
            found.MemTrack = Works("mem_dirty_track");
        if (asked.HasLazyPages)
            found.LazyPages = Works("uffd-noncoop");
        if (asked.HasPidfdStore)
            found.PidfdStore = Works("pidfd_store");
        return found;
    }

    private static bool Works(string feature) => KernelFeatures.Find(feature) is { } known && known.Probe().Works;

    private CriuResp Check(CriuReq request)
    {
        using var options = new RpcOptions(request.Opts ?? new CriuOpts(), channel.Peer, isService);
        host.Check(options.Merge(needsImages: false));
        return new CriuResp { Type = request.Type, Success = true };
    }

    private CriuResp Dump(CriuReq request)
    {
        using var options = Options(request);
        var merged = options.Merge(needsImages: true);
        if (merged.Dump is { LeaveRunning: true, LeaveStopped: true })
            throw RpcErrors.BadOption("leave_running and leave_stopped exclude each other", "Set one of them");
        int pid = merged.Common.Tree ?? channel.Peer.Pid;
        if (pid == channel.Peer.Pid)
            throw RpcErrors.Unsupported($"A client that dumps itself (process {pid}) is not supported yet", "Set pid, or start criu dump");
        if (Kernel.Call(Nr.kill, pid, 0) == -Errno.ESRCH)
            throw new CheckpointException($"There is no process {pid}", "Name one that runs by pid") { ErrorNumber = Errno.ESRCH };
        host.Dump(merged);
        return new CriuResp { Type = request.Type, Success = true, Dump = new CriuDumpResp { Restored = false } };
    }

    /// <summary>The tree is on its own afterwards: nobody here waits for its root.</summary>
    private CriuResp Restore(CriuReq request)
    {
        using var options = Options(request);
        var merged = options.Merge(needsImages: true);
        int root = host.Restore(merged with { Common = merged.Common with { Detached = true } });
        return new CriuResp { Type = request.Type, Success = true, Restore = new CriuRestoreResp { Pid = root } };
    }

    private RpcOptions Options(CriuReq request)
    {
        var opts = request.Opts ?? throw RpcErrors.BadOption($"{RpcErrors.NameOf(request.Type)} has no options", "Set opts");
        return new RpcOptions(opts, channel.Peer, isService);
    }

    private CriuResp Failure(CriuReqType type, Exception exception)
    {
        var response = new CriuResp { Type = type, Success = false, CrErrmsg = host.Describe(exception) };
        if (RpcErrors.NumberOf(exception) is > 0 and int number)
            response.CrErrno = number;
        return response;
    }
}
