using Criu.Core.Rpc.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>Tells a client of the stages that it asked to be told of (<c>notify_scripts</c>), and waits for its yes each time.</summary>
internal sealed class RpcNotifier(RpcChannel channel) : ICheckpointListener
{
    public void Reached(CheckpointStage stage, int? rootPid) => Tell(stage, rootPid, null);

    public bool TakeMaster(SafeFileHandle master)
    {
        Tell(CheckpointStage.OrphanPtsMaster, null, master);
        return true;
    }

    private void Tell(CheckpointStage stage, int? rootPid, SafeFileHandle? passed)
    {
        string name = StageNames.Of(stage);
        var notify = new CriuNotify { Script = name };
        // As CRIU has it: where the client cannot know the root yet.
        if (rootPid is { } pid && stage is CheckpointStage.SetupNamespaces or CheckpointStage.PostRestore)
            notify.Pid = pid;
        if (!channel.Send(new CriuResp { Type = CriuReqType.Notify, Success = true, Notify = notify }, passed))
            throw Gone(name, "it has gone");
        var answer = Receive(name) ?? throw Gone(name, "it has gone without an answer");
        if (answer.Type != CriuReqType.Notify)
            throw new CheckpointException($"The client answered the notification {name} with a request of type {RpcErrors.NameOf(answer.Type)}", "Answer with NOTIFY and notify_success");
        if (!answer.NotifySuccess)
            throw new CheckpointException($"The client said no to {name}", "It answers notify_success: true where the work shall go on");
    }

    private CriuReq? Receive(string name)
    {
        try
        {
            return channel.Receive();
        }
        catch (CheckpointException exception) when (exception.ErrorNumber == Errno.EAGAIN)
        {
            throw Gone(name, $"it has not answered for {channel.PatienceSeconds} seconds");
        }
    }

    private CheckpointException Gone(string name, string reason) => new($"The client, process {channel.Peer.Pid}, cannot be asked about {name}: {reason}");
}
