namespace Criu.Core.Proc;

/// <summary>inotify and fanotify.</summary>
internal sealed partial record FdInfo
{
    /// <summary>An inotify: its watches, newest first. Empty also for what is none.</summary>
    public IReadOnlyList<InotifyWatch> InotifyWatches { get; private set; } = [];

    /// <summary>A fanotify group: flags of fanotify_init(2); null for what is none.</summary>
    public FanotifyGroup? Fanotify { get; private set; }

    public IReadOnlyList<FanotifyMark> FanotifyMarks { get; private set; } = [];

    private bool TakeNotify(ref ProcCursor line)
    {
        if (line.TryTake("inotify "u8))
            InotifyWatches = Append(InotifyWatches, InotifyWatch.Take(ref line));
        else if (line.TryTake("fanotify flags:"u8))
        {
            uint flags = line.TakeHex32();
            line.Take(" event-flags:"u8);
            Fanotify = new(flags, line.TakeHex32());
        }
        else if (line.TryTake("fanotify "u8))
            FanotifyMarks = Append(FanotifyMarks, FanotifyMark.Take(ref line));
        else
            return false;
        return true;
    }
}

/// <summary>An inode as name_to_handle_at(2) gives it; no bytes where its file system gives none.</summary>
/// <param name="Type">handle_type.</param>
/// <param name="Bytes">f_handle.</param>
internal readonly record struct FileHandle(int Type, ReadOnlyMemory<byte> Bytes)
{
    // [ fhandle-bytes:8 fhandle-type:1 f_handle:1300000000000000] the rest of the line, or nothing
    internal static FileHandle Take(ref ProcCursor line)
    {
        line.SkipSpaces();
        if (line.AtEnd)
            return default;
        line.Take("fhandle-bytes:"u8);
        uint size = line.TakeHex32();
        line.Take(" fhandle-type:"u8);
        int type = (int)line.TakeHex32();
        line.Take(" f_handle:"u8);
        if (size > int.MaxValue / 2)
            throw line.Bad("a sane number of bytes, before this");
        var digits = line.TakeBytes((int)size * 2);
        byte[] bytes = new byte[size];
        if (Convert.FromHexString(digits, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            throw line.Bad("hexadecimal digits, before this");
        return new(type, bytes);
    }
}

/// <summary>One watch. All numbers are hexadecimal, the descriptor too, whatever the documentation says.</summary>
/// <param name="Descriptor">As inotify_add_watch(2) returned it.</param>
/// <param name="Inode">Of the watched file.</param>
/// <param name="Device">Its device in the kernel's form.</param>
/// <param name="Mask">IN_* events and IN_ONESHOT, IN_EXCL_UNLINK.</param>
/// <param name="Handle">The watched file; inotify holds no path.</param>
internal readonly record struct InotifyWatch(int Descriptor, ulong Inode, ulong Device, uint Mask, FileHandle Handle)
{
    // wd:2 ino:13 sdev:fe00000 mask:80000100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:1300000000000000
    internal static InotifyWatch Take(ref ProcCursor line)
    {
        line.Take("wd:"u8);
        int descriptor = (int)line.TakeHex32();
        line.Take(" ino:"u8);
        ulong inode = line.TakeHex();
        line.Take(" sdev:"u8);
        ulong device = line.TakeHex();
        line.Take(" mask:"u8);
        uint mask = line.TakeHex32();
        if (line.TryTake(" ignored_mask:"u8))
            line.TakeHex32();
        return new(descriptor, inode, device, mask, FileHandle.Take(ref line));
    }
}

/// <summary>A fanotify group.</summary>
/// <param name="Flags">FAN_CLASS_* and other flags of fanotify_init(2).</param>
/// <param name="EventFlags">O_* of the event descriptors.</param>
internal sealed record FanotifyGroup(uint Flags, uint EventFlags);

/// <summary>One mark, on a mount (MountId), a file system (only Device) or an inode (Inode, Device, Handle).</summary>
internal sealed record FanotifyMark
{
    public int? MountId { get; init; }

    public ulong? Inode { get; init; }

    /// <summary>In the kernel's form.</summary>
    public ulong? Device { get; init; }

    /// <summary>FAN_MARK_* flags that stay, such as FAN_MARK_IGNORED_SURV_MODIFY.</summary>
    public uint MarkFlags { get; init; }

    public uint Mask { get; init; }

    public uint IgnoredMask { get; init; }

    public FileHandle Handle { get; init; }

    // mnt_id:1b mflags:0 mask:18 ignored_mask:0
    // ino:3c570 sdev:fe00000 mflags:0 mask:20 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:70c5030000000000
    // sdev:fe00000 mflags:0 mask:20 ignored_mask:0
    internal static FanotifyMark Take(ref ProcCursor line)
    {
        int? mount = line.TryTake("mnt_id:"u8) ? (int)TakeField(ref line) : null;
        ulong? inode = line.TryTake("ino:"u8) ? TakeField(ref line) : null;
        ulong? device = line.TryTake("sdev:"u8) ? TakeField(ref line) : null;
        line.Take("mflags:"u8);
        uint flags = (uint)TakeField(ref line);
        line.Take("mask:"u8);
        uint mask = (uint)TakeField(ref line);
        line.Take("ignored_mask:"u8);
        uint ignored = (uint)TakeField(ref line);
        return new()
        {
            MountId = mount,
            Inode = inode,
            Device = device,
            MarkFlags = flags,
            Mask = mask,
            IgnoredMask = ignored,
            Handle = FileHandle.Take(ref line),
        };
    }

    private static ulong TakeField(ref ProcCursor line)
    {
        ulong value = line.TakeHex();
        line.SkipSpaces();
        return value;
    }
}
