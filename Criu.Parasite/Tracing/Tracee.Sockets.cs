using Linux.Abi;

namespace Criu.Parasite;

/// <summary>What is changed on a socket of the process for a while. It belongs to the open file description, so it would outlive the engine: the will holds what it was.</summary>
public sealed partial class Tracee
{
    private OptionRoom? optionRoom;

    /// <summary>Sets an option of level SOL_SOCKET until the result is disposed; should the engine end before, the guard puts it back. One at a time.</summary>
    /// <param name="fd">A socket of the process.</param>
    /// <param name="option">SO_*, one whose value is an int.</param>
    /// <param name="value">Its value meanwhile.</param>
    /// <exception cref="ParasiteException">No such descriptor, no socket, no such option, or no privilege.</exception>
    public IDisposable ChangeSocketOption(int fd, int option, int value) => ChangeSocketOption(null, fd, option, value);

    /// <summary>The same for a socket of which another process has a copy, such as the caller.</summary>
    /// <param name="pid">That process, one that the guard may trace; null: the traced one.</param>
    /// <param name="fd">Its descriptor.</param>
    /// <param name="option">SO_*, one whose value is an int.</param>
    /// <param name="value">Its value meanwhile.</param>
    /// <exception cref="ParasiteException">No such descriptor, no socket, no such option, or no privilege.</exception>
    public IDisposable ChangeSocketOption(int? pid, int fd, int option, int value)
    {
        const int PidfdThread = 0x80;                   // O_EXCL: where the leader has ended (6.9)
        var room = optionRoom ??= new OptionRoom(new WillOwner(guard.Keep<int>()), guard.Keep<int>(), guard.Keep<int>());
        room.Length.Value = sizeof(int);
        var batch = guard.NewBatch();
        var pidfd = batch.Call(Nr.pidfd_open, pid ?? threads[0].Tid, pid == null && LeaderHasEnded ? PidfdThread : 0);
        var copy = batch.Call(Nr.pidfd_getfd, pidfd, fd, 0);
        batch.Call(Nr.close, pidfd);
        batch.Call(Nr.getsockopt, copy, Sockets.SOL_SOCKET, option, room.Old.Remote, room.Length.Remote);
        guard.Run(batch);
        int descriptor = (int)copy.Value;               // read before the next batch is begun
        var scope = new OptionScope(guard, room.Owner, descriptor);
        try
        {
            var change = guard.NewBatch();
            guard.Will.Push(change, room.Owner, [new SyscallRecord(Nr.setsockopt, 0, descriptor, Sockets.SOL_SOCKET, option, room.Old.Remote, sizeof(int))]);
            change.Call(Nr.setsockopt, descriptor, Sockets.SOL_SOCKET, option, change.New(value).Remote, sizeof(int));
            guard.Run(change);
            return scope;
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Memory of the guard that is used again for the next option.</summary>
    private sealed record OptionRoom(WillOwner Owner, Slot<int> Old, Slot<int> Length);

    private sealed class OptionScope(Guard guard, WillOwner owner, int descriptor) : IDisposable
    {
        public void Dispose()
        {
            guard.Guarded(() => guard.Will.Undo(owner));
            var batch = guard.NewBatch();
            batch.Try(Nr.close, descriptor);
            guard.Run(batch);
        }
    }
}
