using Criu.Core.Engine;
using Criu.Core.Proc;
using Criu.Images.Proto;
using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Resources.Tasks;

/// <summary>Users, groups, capabilities, securebits, no_new_privs and the signal for a parent's death: each thread has its own.</summary>
internal sealed class Credentials : IThreadKind
{
    // 41 capabilities leave the bounding set or become ambient, and the rest; the headers of capset. Groups come on top.
    private const int MostCalls = 2 * 64 + 12, MostBytes = 64;

    public RestoreStage Stage => RestoreStage.Credentials;

    /// <summary>Bytes of arena that the groups of a thread take beyond its usual share.</summary>
    public static long SpaceOf(CoreEntry core) => core.ThreadCore?.Creds is { } creds ? sizeof(uint) * creds.Groups.Count : 0;

    public Action Ask(DumpThread thread, BatchStream stream, DumpContext context)
    {
        var batch = stream.Room(2, sizeof(int));
        var deathSignal = batch.New<int>();
        batch.Call(Nr.prctl, Prctl.PR_GET_PDEATHSIG, deathSignal.Remote);
        var secureBits = batch.Call(Nr.prctl, Prctl.PR_GET_SECUREBITS);
        return () =>
        {
            var core = thread.Core.ThreadCore;
            core.Creds = ToEntry(thread.Status);
            core.Creds.Secbits = (uint)secureBits.Value;
            if (deathSignal.Value != 0)
                core.PdeathSig = (uint)deathSignal.Value;
        };
    }

    private static CredsEntry ToEntry(TaskStatus status)
    {
        var entry = new CredsEntry
        {
            Uid = status.Uid.Real, Euid = status.Uid.Effective, Suid = status.Uid.Saved, Fsuid = status.Uid.FileSystem,
            Gid = status.Gid.Real, Egid = status.Gid.Effective, Sgid = status.Gid.Saved, Fsgid = status.Gid.FileSystem,
        };
        AddWords(entry.CapInh, status.CapInheritable);
        AddWords(entry.CapPrm, status.CapPermitted);
        AddWords(entry.CapEff, status.CapEffective);
        AddWords(entry.CapBnd, status.CapBounding);
        AddWords(entry.CapAmb, status.CapAmbient);
        entry.Groups.AddRange(status.Groups);
        if (status.HasNoNewPrivileges)
            entry.NoNewPrivs = 1;
        return entry;
    }

    private static void AddWords(ICollection<uint> words, ulong mask)
    {
        words.Add((uint)mask);
        words.Add((uint)(mask >> 32));
    }

    private static ulong Mask(IReadOnlyList<uint> words) =>
        (words.Count > 0 ? words[0] : 0ul) | (words.Count > 1 ? (ulong)words[1] << 32 : 0);

    /// <summary>
    /// Groups and bounding set while we may; then the ids, with SECBIT_NO_SETUID_FIXUP so that they do not take the capabilities with them; securebits while CAP_SETPCAP
    /// is there; last the capabilities. What is right already is left: an engine without privilege restores its own user's processes.
    /// </summary>
    public void Restore(RestoreTask task, CoreEntry core, BatchStream stream)
    {
        if (core.ThreadCore.Creds is not { } creds)
            return;
        var own = task.Context.OwnCredentials;
        var batch = stream.Room(MostCalls, MostBytes + sizeof(uint) * creds.Groups.Count);
        if (!creds.Groups.SequenceEqual(own.Groups))
            SetGroups(batch, creds);
        DropBounding(batch, own.CapBounding & ~Mask(creds.CapBnd));
        bool idsDiffer = new IdSet(creds.Uid, creds.Euid, creds.Suid, creds.Fsuid) != own.Uid || new IdSet(creds.Gid, creds.Egid, creds.Sgid, creds.Fsgid) != own.Gid;
        if (idsDiffer)
            SetIds(batch, creds);
        if (idsDiffer || creds.Secbits != 0)
            batch.Call(Nr.prctl, Prctl.PR_SET_SECUREBITS, creds.Secbits);
        if (Mask(creds.CapInh) != own.CapInheritable || Mask(creds.CapPrm) != own.CapPermitted || Mask(creds.CapEff) != own.CapEffective || idsDiffer)
            SetCapabilities(batch, creds);
        RaiseAmbient(batch, Mask(creds.CapAmb));
        if (creds.NoNewPrivs != 0)
            batch.Call(Nr.prctl, Prctl.PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
        if (core.ThreadCore.PdeathSig != 0)
            batch.Call(Nr.prctl, Prctl.PR_SET_PDEATHSIG, core.ThreadCore.PdeathSig);
    }

    private static void SetGroups(SyscallBatch batch, CredsEntry creds)
    {
        var groups = batch.NewArray<uint>(creds.Groups.Count);
        creds.Groups.ToArray().CopyTo(groups.Span);
        batch.Call(Nr.setgroups, creds.Groups.Count, groups.Remote);
    }

    private static void SetIds(SyscallBatch batch, CredsEntry creds)
    {
        batch.Call(Nr.prctl, Prctl.PR_SET_SECUREBITS, Prctl.SECBIT_NO_SETUID_FIXUP);
        batch.Call(Nr.setresgid, creds.Gid, creds.Egid, creds.Sgid);
        batch.Call(Nr.setfsgid, creds.Fsgid);
        batch.Call(Nr.setresuid, creds.Uid, creds.Euid, creds.Suid);
        batch.Call(Nr.setfsuid, creds.Fsuid);
    }

    private static void DropBounding(SyscallBatch batch, ulong drop)
    {
        for (int capability = 0; drop >> capability != 0; capability++)
            if ((drop >> capability & 1) != 0)
                batch.Call(Nr.prctl, Prctl.PR_CAPBSET_DROP, capability);
    }

    private static void SetCapabilities(SyscallBatch batch, CredsEntry creds)
    {
        var header = batch.New(new CapabilityHeader { Version = Capability.Version3 });
        ulong effective = Mask(creds.CapEff), permitted = Mask(creds.CapPrm), inheritable = Mask(creds.CapInh);
        var data = batch.New(new CapabilityData
        {
            Effective0 = (uint)effective, Permitted0 = (uint)permitted, Inheritable0 = (uint)inheritable,
            Effective1 = (uint)(effective >> 32), Permitted1 = (uint)(permitted >> 32), Inheritable1 = (uint)(inheritable >> 32),
        });
        batch.Call(Nr.capset, header.Remote, data.Remote);
    }

    private static void RaiseAmbient(SyscallBatch batch, ulong ambient)
    {
        for (int capability = 0; ambient >> capability != 0; capability++)
            if ((ambient >> capability & 1) != 0)
                batch.Call(Nr.prctl, Prctl.PR_CAP_AMBIENT, Prctl.PR_CAP_AMBIENT_RAISE, capability, 0L, 0L);
    }
}
