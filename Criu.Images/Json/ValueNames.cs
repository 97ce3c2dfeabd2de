namespace Criu.Images.Json;

/// <summary>A value, or a set of bits, and how crit prints it.</summary>
internal readonly record struct NamedValue(string Name, ulong Value);

/// <summary>The names behind <c>(criu).flags</c> and <c>(criu).dict</c>, in the order of printing.</summary>
internal static class ValueNames
{
    /// <summary>Names of bits, by the <c>flags</c> option.</summary>
    public static NamedValue[]? Flags(string table) => table switch
    {
        "mmap.prot" => MmapProt,
        "mmap.flags" => MmapFlags,
        "mmap.status" => MmapStatus,
        "rfile.flags" => RfileFlags,
        "pmap.flags" => PmapFlags,
        "seals.flags" => SealsFlags,
        _ => null,
    };

    /// <summary>Names of values, by the <c>dict</c> option and the name of the field.</summary>
    public static NamedValue[]? Dictionary(string table, string field) => (table, field) switch
    {
        ("gen", "task_state") => GenTaskState,
        ("sk", "family") => SkFamily,
        ("sk", "type") => SkType,
        ("sk", "state") => SkState,
        ("sk", "proto") => SkProto,
        _ => null,
    };

    private static readonly NamedValue[] MmapProt =
    [
        new("PROT_READ", 0x1),
        new("PROT_WRITE", 0x2),
        new("PROT_EXEC", 0x4),
    ];

    private static readonly NamedValue[] MmapFlags =
    [
        new("MAP_SHARED", 0x1),
        new("MAP_PRIVATE", 0x2),
        new("MAP_DROPPABLE", 0x8),
        new("MAP_ANON", 0x20),
        new("MAP_GROWSDOWN", 0x100),
    ];

    private static readonly NamedValue[] MmapStatus =
    [
        new("VMA_AREA_NONE", 0x0),
        new("VMA_AREA_REGULAR", 0x1),
        new("VMA_AREA_STACK", 0x2),
        new("VMA_AREA_VSYSCALL", 0x4),
        new("VMA_AREA_VDSO", 0x8),
        new("VMA_AREA_HEAP", 0x20),
        new("VMA_FILE_PRIVATE", 0x40),
        new("VMA_FILE_SHARED", 0x80),
        new("VMA_ANON_SHARED", 0x100),
        new("VMA_ANON_PRIVATE", 0x200),
        new("VMA_AREA_SYSVIPC", 0x400),
        new("VMA_AREA_SOCKET", 0x800),
        new("VMA_AREA_VVAR", 0x1000),
        new("VMA_AREA_AIORING", 0x2000),
        new("VMA_AREA_MEMFD", 0x4000),
        new("VMA_AREA_SHSTK", 0x8000),
        new("VMA_AREA_UPROBES", 0x20000),
        new("VMA_UNSUPP", 0x80000000),
    ];

    private static readonly NamedValue[] RfileFlags =
    [
        new("O_WRONLY", 0x1),
        new("O_RDWR", 0x2),
        new("O_CREAT", 0x40),
        new("O_EXCL", 0x80),
        new("O_NOCTTY", 0x100),
        new("O_TRUNC", 0x200),
        new("O_APPEND", 0x400),
        new("O_NONBLOCK", 0x800),
        new("O_DSYNC", 0x1000),
        new("FASYNC", 0x2000),
        new("O_DIRECT", 0x4000),
        new("O_LARGEFILE", 0x8000),
        new("O_DIRECTORY", 0x10000),
        new("O_NOFOLLOW", 0x20000),
        new("O_NOATIME", 0x40000),
        new("O_CLOEXEC", 0x80000),
    ];

    private static readonly NamedValue[] PmapFlags =
    [
        new("PE_PARENT", 0x1),
        new("PE_LAZY", 0x2),
        new("PE_PRESENT", 0x4),
    ];

    private static readonly NamedValue[] SealsFlags =
    [
        new("F_SEAL_SEAL", 0x1),
        new("F_SEAL_SHRINK", 0x2),
        new("F_SEAL_GROW", 0x4),
        new("F_SEAL_WRITE", 0x8),
        new("F_SEAL_FUTURE_WRITE", 0x10),
    ];

    private static readonly NamedValue[] GenTaskState =
    [
        new("Alive", 1),
        new("Zombie", 3),
        new("Stopped", 6),
    ];

    private static readonly NamedValue[] SkFamily =
    [
        new("UNIX", 1),
        new("INET", 2),
        new("INET6", 10),
        new("NETLINK", 16),
        new("PACKET", 17),
    ];

    private static readonly NamedValue[] SkType =
    [
        new("STREAM", 1),
        new("DGRAM", 2),
        new("RAW", 3),
        new("SEQPACKET", 5),
        new("PACKET", 10),
    ];

    private static readonly NamedValue[] SkState =
    [
        new("ESTABLISHED", 1),
        new("SYN_SENT", 2),
        new("SYN_RECV", 3),
        new("FIN_WAIT1", 4),
        new("FIN_WAIT2", 5),
        new("TIME_WAIT", 6),
        new("CLOSE", 7),
        new("CLOSE_WAIT", 8),
        new("LAST_ACK", 9),
        new("LISTEN", 10),
    ];

    private static readonly NamedValue[] SkProto =
    [
        new("IP", 0),
        new("TCP", 6),
        new("UDP", 17),
        new("UDPLITE", 136),
    ];
}
