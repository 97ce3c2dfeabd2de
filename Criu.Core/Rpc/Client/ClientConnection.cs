using Criu.Core.Programs;
using Criu.Core.Rpc.Proto;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>One request under way, with the criu that was started for it, if there is one.</summary>
internal sealed class ClientConnection(ClientSocket socket, int child) : IDisposable
{
    private int child = child;

    /// <summary>The last answer. Notifications before it go to the listener, whose failure is answered by a no.</summary>
    public CriuResp Ask(CriuReq request, ICheckpointListener? listener, CancellationToken cancel)
    {
        Exception? refusal = null;
        try
        {
            socket.Send(request);
            while (true)
            {
                // Who has heard a no answers soon, and puts everything back before.
                var response = socket.Receive(refusal == null ? cancel : CancellationToken.None, out var received) ?? throw Gone(request);
                using var passed = received;
                if (response.Type != CriuReqType.Notify)
                    return response.Success || refusal == null ? response : throw refusal;
                refusal = Tell(response.Notify, listener, passed, cancel) ?? refusal;
                socket.Send(new CriuReq { Type = CriuReqType.Notify, NotifySuccess = refusal == null });
            }
        }
        catch (OperationCanceledException)
        {
            Kill();
            throw;
        }
    }

    private static Exception? Tell(CriuNotify notify, ICheckpointListener? listener, SafeFileHandle? passed, CancellationToken cancel)
    {
        try
        {
            if (passed != null && notify.Script == StageNames.Of(CheckpointStage.OrphanPtsMaster))
            {
                if (listener?.TakeMaster(passed) != true)
                    throw new CheckpointException("The tree has a terminal whose master was outside, and the listener does not take the new one", "Implement TakeMaster");
            }
            else if (StageNames.Find(notify.Script) is { } stage)
                listener?.Reached(stage, notify.HasPid && notify.Pid != 0 ? notify.Pid : null);
            cancel.ThrowIfCancellationRequested();
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    private CheckpointException Gone(CriuReq request)
    {
        string how = child == 0 ? "" : $" ({Reap()})";
        return new($"criu has ended without an answer to {RpcErrors.NameOf(request.Type)}{how}", "Its log may tell why; is it a criu that knows swrk?");
    }

    private string Reap()
    {
        int pid = Interlocked.Exchange(ref child, 0);
        return pid == 0 ? "it is gone" : $"it {Spawner.Await(pid)}";
    }

    /// <summary>A criu of ours that is killed leaves its target as it was, and nothing of what it has half restored: its guard sees to that.</summary>
    private void Kill()
    {
        const int SIGKILL = 9;
        if (child != 0)
            Kernel.Call(Nr.kill, child, SIGKILL);
    }

    public void Dispose()
    {
        socket.Dispose();
        Reap();
    }
}
