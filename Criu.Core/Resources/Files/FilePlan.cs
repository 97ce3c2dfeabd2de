using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Who makes which description, and in which order: each is made by the first process that holds it, the others fetch it from there, and then everyone puts
/// what it has into its places. Where it is wanted once it is made in place, or fetched to it, so that hardly more numbers are used than the process had. Three rounds for the whole tree, however
/// many files there are; one more where descriptors wait in sockets.
/// </summary>
internal sealed partial class FilePlan
{
    private readonly Dictionary<uint, FileEntry> entries;
    private readonly Dictionary<uint, (RestoreTask Maker, int Place)> made = [];
    private readonly Dictionary<(RestoreTask Task, uint Id), int> places = [];
    private readonly List<(RestoreTask Maker, IFileKind Kind, List<FileEntry> Group)> groups = [];
    private readonly Dictionary<(FdTypes, ulong), (RestoreTask Maker, IFileKind Kind, List<FileEntry> Group)> together = [];
    private readonly RestoreContext context;
    private readonly IReadOnlyList<InheritedDescriptor> inherited;
    private readonly List<RestoreTask> tasks;
    private readonly Dictionary<RestoreTask, FreeNumbers> free = [];
    private readonly FreeNumbers anybodys;
    private readonly List<int> inheritedPlaces = [], reserved = [];

    public FilePlan(RestoreModel model, RestoreContext context)
    {
        (this.context, entries, inherited) = (context, context.Files, context.Inherited);
        tasks = model.Tasks.FindAll(t => t.OwnsDescriptors && !t.IsZombie);
        anybodys = new FreeNumbers(tasks.SelectMany(t => t.Descriptors).Select(d => checked((int)d.Fd)));
        (LinkDescriptor, SpareDescriptor) = (anybodys.Take(), anybodys.Take());
        foreach (var _ in inherited)
            inheritedPlaces.Add(anybodys.Take());
        foreach (var kind in context.Kinds)
            kind.Reserve(this);
        foreach (var task in tasks)
            free.Add(task, new FreeNumbers([.. task.Descriptors.Select(d => (int)d.Fd), LinkDescriptor, SpareDescriptor, .. inheritedPlaces, .. reserved]));
        foreach (var task in tasks)
            foreach (var descriptor in task.Descriptors)
                Assign(task, descriptor);
        foreach (var task in tasks)
            foreach (var descriptor in task.Descriptors)
                places.TryAdd((task, descriptor.Id), PlaceFor(task, descriptor));
        AssignWaiting();
        foreach (var task in tasks)
            RestoreChecks.DemandDescriptors(task, Math.Max(free[task].End, FreeNumbers.First), context);
    }

    public int LinkDescriptor { get; }

    /// <summary>A second number for a moment.</summary>
    public int SpareDescriptor { get; }

    /// <summary>Where inherited descriptors wait, ascending.</summary>
    public IReadOnlyList<int> InheritedPlaces => inheritedPlaces;

    public int PlaceOf(uint id) => made[id].Place;

    /// <summary>What waits in a socket: messages, or pieces of a stream.</summary>
    public IReadOnlyList<SocketMessage> SocketQueue(uint id) => context.Of<SocketQueueRestore>().Of(id);

    /// <summary>Where an inherited descriptor waits, in the root and in everyone cloned from it.</summary>
    public int InheritedPlace(int index) => inheritedPlaces[index];

    /// <summary>A number that no process wants, for <see cref="IRestoreStages.Reserve"/>.</summary>
    public int Reserve()
    {
        reserved.Add(anybodys.Take());
        return reserved[^1];
    }

    private void Assign(RestoreTask task, FdinfoEntry descriptor)
    {
        if (made.ContainsKey(descriptor.Id))
            return;
        if (!entries.TryGetValue(descriptor.Id, out var entry))
            throw new CheckpointException($"descriptor {descriptor.Fd} of {task} refers to file {descriptor.Id}, which the images do not have");
        var maker = MakerOf(task, entry, $"descriptor {descriptor.Fd} of {task}");
        int place = maker == task ? PlaceFor(task, descriptor) : free[maker].Take();
        made[descriptor.Id] = (maker, place);
        places[(maker, descriptor.Id)] = place;
    }

    /// <summary>The number itself, but for the low ones, which the kernel hands out meanwhile.</summary>
    private int PlaceFor(RestoreTask task, FdinfoEntry descriptor) =>
        places.TryGetValue((task, descriptor.Id), out int place) ? place : descriptor.Fd >= FreeNumbers.First ? (int)descriptor.Fd : free[task].Take();

    /// <summary>Those that can only be made together are made by whoever makes the first.</summary>
    private RestoreTask MakerOf(RestoreTask task, FileEntry entry, string what)
    {
        var kind = KindOf(entry) ?? throw new CheckpointException($"{what} is of type {entry.Type}; restoring it is not supported yet");
        ulong? key = kind.GroupOf(entry, context);
        if (key != null && together.TryGetValue((kind.Type, key.Value), out var group))
        {
            group.Group.Add(entry);
            return group.Maker;
        }
        (RestoreTask Maker, IFileKind Kind, List<FileEntry> Group) fresh = (task, kind, [entry]);
        groups.Add(fresh);
        if (key != null)
            together.Add((kind.Type, key.Value), fresh);
        return task;
    }

    private static IFileKind? KindOf(FileEntry entry)
    {
        foreach (var kind in ResourceCatalog.FileKinds)
            if (kind.Type == entry.Type)
                return kind;
        return null;
    }

    /// <summary>An inherited descriptor stands for the description: it is copied to the place where a made one would be.</summary>
    public bool TryInherit(uint id, string key)
    {
        if (InheritedPlaceOf(key) is not { } place)
            return false;
        made[id].Maker.Stream.Room(1).Call(Nr.dup3, place, made[id].Place, Fcntl.O_CLOEXEC);
        return true;
    }

    public int? InheritedPlaceOf(string key)
    {
        for (int i = 0; i < inherited.Count; i++)
            if (inherited[i].Key == key)
                return InheritedPlace(i);
        return null;
    }

    public void Make()
    {
        foreach (var (maker, kind, group) in groups)
            kind.Make(group, new FileMaking(maker, maker.Stream, this));
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }

    public void FetchAndPlace()
    {
        foreach (var task in tasks)
        {
            Fetch(task, task.Descriptors.Select(d => d.Id).Distinct());
            Place(task);
        }
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }

    private void Fetch(RestoreTask task, IEnumerable<uint> wanted)
    {
        foreach (var theirs in wanted.Where(id => made[id].Maker != task).GroupBy(id => made[id].Maker))
        {
            var batch = task.Stream.Room(3);
            var pidfd = batch.Call(Nr.pidfd_open, theirs.Key.Pid, 0L);
            batch.Call(Nr.dup3, pidfd, LinkDescriptor, Fcntl.O_CLOEXEC);
            batch.Call(Nr.close, pidfd);
            foreach (uint id in theirs)
                FetchOne(task, made[id].Place, places[(task, id)]);
        }
    }

    private void FetchOne(RestoreTask task, int from, int place)
    {
        var batch = task.Stream.Room(3);
        var fd = batch.Call(Nr.pidfd_getfd, LinkDescriptor, from, 0L);
        batch.Call(Nr.dup3, fd, place, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
    }

    private void Place(RestoreTask task)
    {
        foreach (var descriptor in task.Descriptors)
        {
            int place = places[(task, descriptor.Id)];
            bool closes = (descriptor.Flags & Fcntl.FD_CLOEXEC) != 0;
            if (place == descriptor.Fd)
                task.Stream.Room(1).Call(Nr.fcntl, place, Fcntl.F_SETFD, closes ? Fcntl.FD_CLOEXEC : 0);
            else
                task.Stream.Room(1).Call(Nr.dup3, place, descriptor.Fd, closes ? Fcntl.O_CLOEXEC : 0);
        }
    }

    /// <summary>Everyone has its own: our places go, and descriptors that refer to others are connected, once each.</summary>
    public void Finish()
    {
        var connected = new HashSet<uint>();
        foreach (var task in tasks)
        {
            foreach (var descriptor in task.Descriptors)
                if (KindOf(entries[descriptor.Id]) is IFileSecondPass kind && made[descriptor.Id].Maker == task && connected.Add(descriptor.Id))
                    kind.Connect(entries[descriptor.Id], (int)descriptor.Fd, task, task.Stream);
            ConnectWaiting(task);
            CloseAllBut(task.Stream.Room, task.Descriptors.Select(d => (int)d.Fd));
        }
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }

    /// <param name="room">Gives a batch with room for calls and bytes.</param>
    /// <param name="wanted">What stays.</param>
    public static void CloseAllBut(Func<int, long, SyscallBatch> room, IEnumerable<int> wanted)
    {
        int next = 0;
        foreach (int fd in wanted.Order())
        {
            if (fd > next)
                room(1, 0).Call(Nr.close_range, next, fd - 1, 0L);
            next = fd + 1;
        }
        room(1, 0).Call(Nr.close_range, next, uint.MaxValue, 0L);
    }
}
