using Criu.Core.Engine;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Making descriptions in one process. Each ends at a number of its own, in its place if it has one, from where the others fetch it and it is put into its places.
/// </summary>
internal sealed class FileMaking(RestoreTask task, BatchStream stream, FilePlan plan)
{
    public RestoreTask Task => task;
    public BatchStream Stream => stream;

    /// <summary>A number that is free for a moment, to be opened again through /proc/self/fd.</summary>
    public int LinkDescriptor => plan.LinkDescriptor;

    /// <summary>Another such number.</summary>
    public int SpareDescriptor => plan.SpareDescriptor;

    public int PlaceOf(uint id) => plan.PlaceOf(id);

    public IReadOnlyList<SocketMessage> SocketQueue(uint id) => plan.SocketQueue(id);

    /// <summary>Where the closed other end of a socket is, in which descriptors wait, until they do.</summary>
    public int SenderPlaceOf(uint socket) => plan.SenderPlaceOf(socket);

    /// <summary>Where this process has a description that it sends.</summary>
    public int PlaceHere(uint id) => plan.PlaceIn(task, id);

    /// <summary>Does something when all descriptions are made, and this process has those that it names.</summary>
    public void SendLater(List<uint> ids, Action send) => plan.SendLater(task, ids, send);

    /// <summary>Where the user gave a descriptor for it, nothing is made: the root inherited that one.</summary>
    public bool TryInherit(uint id, string key) => plan.TryInherit(id, key);

    /// <summary>Where an inherited descriptor waits; null where none was given for the key.</summary>
    public int? InheritedPlaceOf(string key) => plan.InheritedPlaceOf(key);

    /// <summary>Takes up to 4 calls.</summary>
    public void Place(SyscallBatch batch, uint id, StepResult fd, FownEntry owner)
    {
        batch.Call(Nr.dup3, fd, PlaceOf(id), Fcntl.O_CLOEXEC);
        batch.Call(Nr.close, fd);
        Own(batch, id, owner);
    }

    /// <summary>Who gets its signals. Takes up to 2 calls.</summary>
    public void Own(SyscallBatch batch, uint id, FownEntry owner)
    {
        if (owner.Signum != 0)
            batch.Call(Nr.fcntl, PlaceOf(id), Fcntl.F_SETSIG, owner.Signum);
        if (owner.Pid != 0)
            batch.Call(Nr.fcntl, PlaceOf(id), Fcntl.F_SETOWN_EX, batch.New(new FOwnerEx { Type = (int)owner.PidType, Pid = (int)owner.Pid }).Remote);
    }
}
