using Criu.Core.Options;
using Criu.Core.Programs;
using Criu.Core.Rpc.Proto;
using Linux.Abi;

namespace Criu.Core.Rpc;

/// <summary>
/// Serves one client. Whatever it sends ends in an answer or, where none can be given, in the end of this connection: nobody else is concerned, for each
/// client has a process of its own.
/// </summary>
public sealed class RpcServer
{
    /// <summary>How long a stranger may take for the answer to a notification.</summary>
    private const int PatienceSeconds = 120;

    private readonly RpcChannel channel;
    private readonly RpcHost host;
    private readonly bool isService;
    private readonly int patienceSeconds;
    private readonly string? home;
    private IReadOnlyList<string>? command;
    private bool servesStranger;

    private RpcServer(RpcChannel channel, RpcHost host, bool isService, int patienceSeconds)
    {
        (this.channel, this.host, this.isService, this.patienceSeconds) = (channel, host, isService, patienceSeconds);
        // The home directory of whoever started a service says nothing about another user.
        home = channel.Peer.User == Kernel.Call(Nr.geteuid) ? Environment.GetEnvironmentVariable("HOME") : null;
    }

    /// <summary>Serves the client at the other end of an inherited socket until it is done, and answers whether all went well.</summary>
    /// <param name="socket">Descriptor of a unix socket of type SOCK_SEQPACKET. It is closed at the end, and no program that is started inherits it.</param>
    /// <param name="host">Does the work.</param>
    /// <param name="isService">The client is a stranger that connected, not our parent: our own descriptors and our parent are none of its business.</param>
    /// <exception cref="CheckpointException">The descriptor is no such socket.</exception>
    public static bool Serve(int socket, RpcHost host, bool isService) => Serve(socket, host, isService, PatienceSeconds);

    internal static bool Serve(int socket, RpcHost host, bool isService, int patienceSeconds)
    {
        using var channel = RpcChannel.Over(socket);
        var server = new RpcServer(channel, host, isService, patienceSeconds);
        return (!isService || server.BecomePeer()) && server.Run();
    }

    private bool BecomePeer()
    {
        try
        {
            servesStranger = channel.BecomePeer();
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
        bool succeeded = true, goesOn = true, isAsked = false;
        while (goesOn && (request = Receive(ref succeeded)) != null)
        {
            isAsked = true;
            var response = Answer(request);
            succeeded &= response.Success;
            goesOn = channel.Send(response) && request.KeepOpen && StaysOpen(request.Type);
        }
        if (command != null)
            Spawner.Become(command);
        return succeeded && (isAsked || isService || HasSoundConfiguration());
    }

    /// <summary>It is read with each request. A parent that asks nothing hears by our end whether it could have asked.</summary>
    private bool HasSoundConfiguration()
    {
        try
        {
            using var options = NewOptions(new CriuOpts());
            options.Merge(needsImages: false);
            return true;
        }
        catch (CheckpointException exception)
        {
            host.Complain(host.Describe(exception));
            return false;
        }
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
            if (servesStranger && request.Type != CriuReqType.Restore)
                RpcPrivilege.GiveUp();
            return Dispatch(request);
        }
        catch (Exception exception)
        {
            host.Complain($"{RpcErrors.NameOf(request.Type)} of process {channel.Peer.Pid} failed: {host.Describe(exception)}");
            // As with CRIU: what is no request has no type of its own.
            bool isRequest = Enum.IsDefined(request.Type) && request.Type != CriuReqType.Notify;
            return Failure(isRequest ? request.Type : CriuReqType.Empty, exception);
        }
    }

    private CriuResp Dispatch(CriuReq request) => request.Type switch
    {
        CriuReqType.Version or CriuReqType.FeatureCheck => RpcQuestions.Answer(request),
        CriuReqType.Check => Check(request),
        CriuReqType.Dump => Dump(request),
        CriuReqType.Restore => Restore(request),
        CriuReqType.WaitPid => WaitPid(request),
        CriuReqType.CpuinfoDump or CriuReqType.CpuinfoCheck => Cpuinfo(request),
        CriuReqType.Notify => throw RpcErrors.BadOption("NOTIFY answers a notification, and none was sent", "Begin with another request"),
        CriuReqType.Empty => throw RpcErrors.BadOption("A request of type EMPTY asks for nothing", "Set the type"),
        _ => throw RpcErrors.Unsupported($"Requests of type {RpcErrors.NameOf(request.Type)} are not supported yet"),
    };

    private CriuResp Check(CriuReq request)
    {
        using var options = NewOptions(request.Opts ?? new CriuOpts());
        host.Check(options.Merge(needsImages: false));
        return new CriuResp { Type = request.Type, Success = true };
    }

    private CriuResp Dump(CriuReq request)
    {
        using var options = Options(request);
        var merged = Merge(options);
        if (merged.Dump is { LeaveRunning: true, LeaveStopped: true })
            throw RpcErrors.BadOption("leave_running and leave_stopped exclude each other", "Set one of them");
        int pid = merged.Common.Tree ?? channel.Peer.Pid;
        if (Kernel.Call(Nr.kill, pid, 0) == -Errno.ESRCH)
            throw new CheckpointException($"There is no process {pid}", "Name one that runs by pid") { ErrorNumber = Errno.ESRCH };
        host.Dump(merged with { Common = merged.Common with { Tree = pid }, Dump = merged.Dump with { RequestSocket = channel.Inode } }, Listener(merged));
        return new CriuResp { Type = request.Type, Success = true, Dump = new CriuDumpResp { Restored = false } };
    }

    /// <summary>The tree is on its own afterwards: nobody here waits for its root.</summary>
    private CriuResp Restore(CriuReq request)
    {
        using var options = Options(request);
        var merged = Merge(options);
        int root = host.Restore(merged with { Common = merged.Common with { Detached = true }, Restore = merged.Restore with { OnlyOwnRights = servesStranger } }, Listener(merged));
        if (servesStranger)
            RpcPrivilege.GiveUp();
        command = merged.Common is { ExecutesCommand: true, Command: [_, ..] } ? merged.Common.Command : null;
        return new CriuResp { Type = request.Type, Success = true, Restore = new CriuRestoreResp { Pid = root } };
    }

    /// <summary>Whoever lends a stranger a capability starts no program for them.</summary>
    private MergedOptions Merge(RpcOptions options)
    {
        var merged = options.Merge(needsImages: true);
        if (!servesStranger || merged.Common is { ActionScripts.Count: 0, ExecutesCommand: false })
            return merged;
        string what = merged.Common.ExecutesCommand ? "exec_cmd" : $"action-script ({merged.Common.ActionScripts[0]})";
        throw RpcErrors.BadOption($"{what} is not supported here: a service runs no programs for other users than its own", "Start criu swrk, or set notify_scripts");
    }

    /// <summary>A stranger who does not answer shall not keep a tree stopped.</summary>
    private RpcNotifier? Listener(MergedOptions options)
    {
        if (!options.Common.NotifiesClient)
            return null;
        if (isService)
            channel.LimitWaiting(patienceSeconds);
        return new RpcNotifier(channel);
    }

    private CriuResp Cpuinfo(CriuReq request)
    {
        using var options = Options(request);
        host.Cpuinfo(options.Merge(needsImages: true), isDump: request.Type == CriuReqType.CpuinfoDump);
        return new CriuResp { Type = request.Type, Success = true };
    }

    /// <summary>For a page server, which is a child of this criu.</summary>
    private static CriuResp WaitPid(CriuReq request)
    {
        if (!request.HasPid)
            throw RpcErrors.BadOption("WAIT_PID names no process", "Set pid");
        long result = Spawner.TryAwait((int)request.Pid, out var end);
        return !Kernel.Failed(result) ? new CriuResp { Type = request.Type, Success = true, Status = end.WaitStatus }
            : throw new CheckpointException($"Process {request.Pid} cannot be waited for: {Errno.Name(result)}", "Name a child of this criu") { ErrorNumber = (int)-result };
    }

    private RpcOptions Options(CriuReq request) =>
        NewOptions(request.Opts ?? throw RpcErrors.BadOption($"{RpcErrors.NameOf(request.Type)} has no options", "Set opts"));

    private RpcOptions NewOptions(CriuOpts opts) => new(opts, channel.Peer, isService, home, host.Settings);

    private CriuResp Failure(CriuReqType type, Exception exception) => RpcErrors.Failure(type, host.Describe(exception), RpcErrors.NumberOf(exception));
}
