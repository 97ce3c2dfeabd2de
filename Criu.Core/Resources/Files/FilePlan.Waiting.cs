using Criu.Core.Engine;
using Criu.Images.Proto;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Descriptors that wait in sockets (SCM_RIGHTS of unix(7)). Whoever makes such a socket sends them to it, when all descriptions are made: it has its own, or fetches them. What waits and is held by
/// nobody is made by it too, and is gone from its table when the places are closed. Sockets that wait in one another, or in themselves, are nothing special then.
/// </summary>
internal sealed partial class FilePlan
{
    private readonly List<(uint Id, RestoreTask Maker)> onlyWaiting = [];
    private readonly Dictionary<uint, int> senders = [];
    private readonly List<(RestoreTask Task, List<uint> Ids, Action Send)> later = [];

    /// <summary>Where the other end of a socket is until that has what waits in it, if nobody holds it.</summary>
    public int SenderPlaceOf(uint socket) => senders[socket];

    /// <summary>Where a process has a description that it sends.</summary>
    public int PlaceIn(RestoreTask task, uint id) => places[(task, id)];

    public void SendLater(RestoreTask task, List<uint> ids, Action send) => later.Add((task, ids, send));

    private void AssignWaiting()
    {
        var sockets = new Queue<uint>(context.Of<SocketQueueRestore>().WithRights);
        for (int unknown = 0; sockets.Count > unknown;)
        {
            uint socket = sockets.Dequeue();
            if (made.TryGetValue(socket, out var known))
            {
                AssignWaiting(socket, known.Maker);
                unknown = 0;
                continue;
            }
            sockets.Enqueue(socket);                    // it may wait in another
            unknown++;
        }
        if (sockets.TryPeek(out uint lost))
            throw new CheckpointException($"descriptors wait in the socket that is file {lost}, which no process has", "The image directory is damaged: take another dump");
    }

    private void AssignWaiting(uint socket, RestoreTask task)
    {
        if (entries[socket].Usk == null)
            throw new CheckpointException($"descriptors wait in file {socket}, which is no unix socket", "The image directory is damaged: take another dump");
        senders[socket] = free[task].Take();
        foreach (uint id in SocketQueue(socket).SelectMany(m => m.Rights))
        {
            if (!made.ContainsKey(id))
            {
                var maker = MakerOf(HolderOfTargets(entries[id]) ?? task, entries[id], $"a descriptor that waits in the socket of {task} that is file {socket}");
                onlyWaiting.Add((id, maker));
                made[id] = (maker, places[(maker, id)] = free[maker].Take());
            }
            if (!places.ContainsKey((task, id)))
                places[(task, id)] = made[id].Maker == task ? made[id].Place : free[task].Take();
        }
    }

    /// <summary>What refers to descriptors of a certain process is made there.</summary>
    private RestoreTask? HolderOfTargets(FileEntry entry) => entry.Epfd is { HasNumbersOf: true } epoll ? tasks.Find(t => t.Pid == (int)epoll.NumbersOf) : null;

    /// <summary>Another round, where any descriptors wait.</summary>
    public void SendWaiting()
    {
        foreach (var (task, ids, send) in later)
        {
            Fetch(task, ids);
            send();
        }
        if (later.Count > 0)
            BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }

    private void ConnectWaiting(RestoreTask task)
    {
        foreach (var (id, maker) in onlyWaiting)
            if (maker == task && KindOf(entries[id]) is IFileSecondPass kind)
                kind.Connect(entries[id], made[id].Place, task, task.Stream);
    }
}
