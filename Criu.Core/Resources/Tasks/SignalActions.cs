using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>What each signal does: rt_sigaction(2). The image has them in the order of their numbers, without SIGKILL and SIGSTOP.</summary>
internal sealed class SignalActions : ITaskKind
{
    public RestoreStage Stage => RestoreStage.Signals;

    public Action Ask(DumpTask task, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(Signals.Count, (Signals.Count + 1) * KernelSigaction.Size);
        var actions = batch.NewArray<KernelSigaction>(Signals.Count + 1);
        for (int signal = 1; signal <= Signals.Count; signal++)
            if (HasAction(signal))
                batch.Call(Nr.rt_sigaction, signal, 0L, actions.Remote + signal * KernelSigaction.Size, sizeof(ulong));
        return () =>
        {
            for (int signal = 1; signal <= Signals.Count; signal++)
                if (HasAction(signal))
                    task.Core.Tc.Sigactions.Add(ToEntry(actions.Span[signal]));
        };
    }

    private static bool HasAction(int signal) => signal is not (Signals.SIGKILL or Signals.SIGSTOP);

    private static SaEntry ToEntry(KernelSigaction action) => new()
    {
        Sigaction = (ulong)action.Handler, Flags = (ulong)action.Flags, Restorer = (ulong)action.Restorer, Mask = (ulong)action.Mask, CompatSigaction = false,
    };

    public void Restore(RestoreTask task, BatchStream stream)
    {
        var batch = stream.Room(Signals.Count + 1, (Signals.Count + 1) * KernelSigaction.Size);
        // A SIGCHLD of a zombie that was made may wait in the queue: setting the default action drops it.
        batch.Call(Nr.rt_sigaction, Signals.SIGCHLD, batch.New<KernelSigaction>().Remote, 0L, sizeof(ulong));
        int index = 0;
        for (int signal = 1; signal <= Signals.Count; signal++)
            if (HasAction(signal) && index < task.Core.Tc.Sigactions.Count)
                RestoreOne(task, batch, signal, task.Core.Tc.Sigactions[index++]);
    }

    private static void RestoreOne(RestoreTask task, SyscallBatch batch, int signal, SaEntry action)
    {
        bool isIgnoredByUs = (task.Context.OwnCredentials.SignalsIgnored >> (signal - 1) & 1) != 0;
        if (action is { Sigaction: 0, Flags: 0, Mask: 0 } && !isIgnoredByUs)
            return;                                     // the default, which a fresh process has, but for what it inherits as ignored
        var kernel = new KernelSigaction
        {
            Handler = (long)action.Sigaction, Flags = (long)action.Flags, Restorer = (long)action.Restorer, Mask = (long)action.Mask,
        };
        batch.Call(Nr.rt_sigaction, signal, batch.New(kernel).Remote, 0L, sizeof(ulong));
    }
}
