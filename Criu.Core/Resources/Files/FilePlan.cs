using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Who makes which description, and in which order: each is made by the first process that holds it, the others fetch it from there, and then everyone puts
/// what it has into its places. Three rounds for the whole tree, however many files there are.
/// </summary>
internal sealed class FilePlan
{
    private readonly Dictionary<uint, FileEntry> entries;
    private readonly Dictionary<uint, (RestoreTask Maker, int Place)> made = [];
    private readonly List<(RestoreTask Maker, IFileKind Kind, List<FileEntry> Group)> groups = [];
    private readonly Dictionary<(FdTypes, ulong), (RestoreTask Maker, IFileKind Kind, List<FileEntry> Group)> together = [];
    private readonly RestoreModel model;
    private readonly RestoreContext context;
    private readonly IReadOnlyList<InheritedDescriptor> inherited;
    private readonly List<RestoreTask> tasks;
    private readonly int firstPlace;

    public FilePlan(RestoreModel model, RestoreContext context)
    {
        (this.model, this.context, entries, inherited) = (model, context, context.Files, context.Inherited);
        tasks = model.Tasks.FindAll(t => t.OwnsDescriptors && !t.IsZombie);
        int highest = 2;
        foreach (var task in tasks)
            foreach (var descriptor in task.Descriptors)
                highest = Math.Max(highest, checked((int)descriptor.Fd));
        LinkDescriptor = highest + 1;
        firstPlace = highest + 2 + inherited.Count;
        foreach (var task in tasks)
            foreach (var descriptor in task.Descriptors)
                Assign(task, descriptor);
    }

    public int LinkDescriptor { get; }

    /// <summary>A second number for a moment.</summary>
    public int SpareDescriptor => firstPlace + made.Count;

    /// <summary>Every number that we use for a while is below this.</summary>
    public int EndOfPlaces => SpareDescriptor + 1;

    public int PlaceOf(uint id) => made[id].Place;

    public PipeData PipeContents(uint pipe) => model.PipeContents.GetValueOrDefault(pipe, PipeData.None);

    public PipeData FifoContents(uint pipe) => model.FifoContents.GetValueOrDefault(pipe, PipeData.None);

    /// <summary>What waits in a socket: messages, or pieces of a stream.</summary>
    public List<byte[]> SocketQueue(uint id) => model.SocketQueues.GetValueOrDefault(id) ?? [];

    /// <summary>Where an inherited descriptor waits, in the root and in everyone cloned from it.</summary>
    public int InheritedPlace(int index) => LinkDescriptor + 1 + index;

    private void Assign(RestoreTask task, FdinfoEntry descriptor)
    {
        if (made.ContainsKey(descriptor.Id))
            return;
        if (!entries.TryGetValue(descriptor.Id, out var entry))
            throw new CheckpointException($"descriptor {descriptor.Fd} of {task} refers to file {descriptor.Id}, which the images do not have");
        var kind = KindOf(entry) ?? throw new CheckpointException($"descriptor {descriptor.Fd} of {task} is of type {entry.Type}; restoring it is not supported yet");
        made[descriptor.Id] = (MakerOf(task, kind, entry), firstPlace + made.Count);
    }

    /// <summary>Those that can only be made together are made by whoever makes the first.</summary>
    private RestoreTask MakerOf(RestoreTask task, IFileKind kind, FileEntry entry)
    {
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
            Fetch(task);
            Place(task);
        }
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }

    private void Fetch(RestoreTask task)
    {
        var fetched = new HashSet<uint>();
        foreach (var maker in task.Descriptors.Select(d => made[d.Id].Maker).Distinct())
        {
            if (maker == task)
                continue;
            var batch = task.Stream.Room(3);
            var pidfd = batch.Call(Nr.pidfd_open, maker.Pid, 0L);
            batch.Call(Nr.dup3, pidfd, LinkDescriptor, Fcntl.O_CLOEXEC);
            batch.Call(Nr.close, pidfd);
            foreach (var descriptor in task.Descriptors)
                if (made[descriptor.Id].Maker == maker && fetched.Add(descriptor.Id))
                    FetchOne(task, made[descriptor.Id].Place);
        }
    }

    private void FetchOne(RestoreTask task, int place)
    {
        var batch = task.Stream.Room(3);
        var fd = batch.Call(Nr.pidfd_getfd, LinkDescriptor, place, 0L);
        batch.Call(Nr.dup3, fd, place, Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
    }

    private void Place(RestoreTask task)
    {
        foreach (var descriptor in task.Descriptors)
            task.Stream.Room(1).Call(Nr.dup3, made[descriptor.Id].Place, descriptor.Fd, (descriptor.Flags & Fcntl.FD_CLOEXEC) != 0 ? Fcntl.O_CLOEXEC : 0);
    }

    /// <summary>Everyone has its own: the places above go, and descriptors that refer to others are connected, once each.</summary>
    public void Finish()
    {
        var connected = new HashSet<uint>();
        foreach (var task in tasks)
        {
            foreach (var descriptor in task.Descriptors)
                if (KindOf(entries[descriptor.Id]) is IFileSecondPass kind && made[descriptor.Id].Maker == task && connected.Add(descriptor.Id))
                    kind.Connect(entries[descriptor.Id], (int)descriptor.Fd, task, task.Stream);
            task.Stream.Room(1).Call(Nr.close_range, LinkDescriptor, uint.MaxValue, 0L);
        }
        BatchStream.RunAll(tasks.ConvertAll(t => t.Stream));
    }
}
