namespace Criu.Core.Proc;

/// <summary>One mount of a mount namespace, proc_pid_mountinfo(5). Names are decoded.</summary>
internal sealed record MountInfo
{
    public required int Id { get; init; }

    /// <summary>Its own id, or one outside, for the root of what the reader sees.</summary>
    public required int ParentId { get; init; }

    /// <summary>In the kernel's form.</summary>
    public required ulong Device { get; init; }

    /// <summary>The directory of the file system that is mounted; "//deleted" behind a removed one.</summary>
    public required KernelPath Root { get; init; }

    /// <summary>From the reader's root.</summary>
    public required KernelPath MountPoint { get; init; }

    /// <summary>Of the mount: rw, nosuid, relatime ...</summary>
    public required KernelPath Options { get; init; }

    /// <summary>Peer group, mount_namespaces(7); 0 for none.</summary>
    public required int Shared { get; init; }

    /// <summary>The peer group that this one is a slave of; 0 for none.</summary>
    public required int Master { get; init; }

    /// <summary>The nearest visible one above <see cref="Master"/>; 0 for none.</summary>
    public required int PropagateFrom { get; init; }

    public required bool IsUnbindable { get; init; }

    /// <summary>With its subtype, such as "fuse.sshfs".</summary>
    public required KernelPath FileSystem { get; init; }

    /// <summary>May be empty.</summary>
    public required KernelPath Source { get; init; }

    /// <summary>Of the file system.</summary>
    public required KernelPath SuperOptions { get; init; }

    public static List<MountInfo> ParseAll(ProcText text)
    {
        var mounts = new List<MountInfo>();
        var lines = text.Lines();
        while (lines.TryNext(out var line))
            mounts.Add(Take(ref line));
        return mounts;
    }

    // 63 43 0:39 / /tmp/m\040\134\012#\011 rw,relatime shared:1 master:2 - tmpfs so\040urce rw,size=4k
    private static MountInfo Take(ref ProcCursor line)
    {
        int id = TakeNumber(ref line), parent = TakeNumber(ref line);
        ulong major = line.TakeDecimal();
        line.Take(':');
        ulong device = KernelDevice.Make(major, line.TakeDecimal());
        line.Take(' ');
        KernelPath root = TakeName(ref line), point = TakeName(ref line), options = TakeName(ref line);
        var (shared, master, from, unbindable) = TakePropagation(ref line);
        return new()
        {
            Id = id,
            ParentId = parent,
            Device = device,
            Root = root,
            MountPoint = point,
            Options = options,
            Shared = shared,
            Master = master,
            PropagateFrom = from,
            IsUnbindable = unbindable,
            FileSystem = TakeName(ref line),
            Source = TakeName(ref line),
            SuperOptions = new(OctalEscape.Decode(line.Rest)),
        };
    }

    // Optional fields, of which later kernels may have more, up to a lone hyphen.
    private static (int Shared, int Master, int From, bool Unbindable) TakePropagation(ref ProcCursor line)
    {
        int shared = 0, master = 0, from = 0;
        bool unbindable = false;
        while (!line.TryTake("- "u8))
            if (line.TryTake("shared:"u8))
                shared = TakeNumber(ref line);
            else if (line.TryTake("master:"u8))
                master = TakeNumber(ref line);
            else if (line.TryTake("propagate_from:"u8))
                from = TakeNumber(ref line);
            else
                unbindable |= line.TakeUntil(' ').SequenceEqual("unbindable"u8);
        return (shared, master, from, unbindable);
    }

    private static int TakeNumber(ref ProcCursor line)
    {
        int number = line.TakeInt32();
        line.Take(' ');
        return number;
    }

    // Fields are parted by exactly one blank: an empty source makes two of them.
    private static KernelPath TakeName(ref ProcCursor line)
    {
        var text = line.TakeUntil(' ');
        return text.IndexOf((byte)'\\') < 0 ? new(text) : new(OctalEscape.Decode(text));
    }
}
