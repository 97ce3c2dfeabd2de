namespace Criu.Core.Proc;

/// <summary>
/// One mapping of an address space: a line of proc_pid_maps(5), and its VmFlags where it was read from smaps.
/// What a name says is a hint: a file can be named "x (deleted)" or "/SYSV00000000 (deleted)". Where it matters, look at
/// <c>map_files/START-END</c>.
/// </summary>
internal sealed record Vma
{
    /// <summary>First address.</summary>
    public required ulong Start { get; init; }

    /// <summary>Address after the last.</summary>
    public required ulong End { get; init; }

    /// <summary>Bytes into the file.</summary>
    public required ulong Offset { get; init; }

    /// <summary>PROT_READ, PROT_WRITE, PROT_EXEC.</summary>
    public required int Protection { get; init; }

    /// <summary>MAP_SHARED, even where it cannot be written.</summary>
    public required bool IsShared { get; init; }

    /// <summary>The superblock's device in the kernel's form: major &lt;&lt; 20 | minor. 0 for anonymous memory.</summary>
    public required ulong Device { get; init; }

    public required ulong Inode { get; init; }

    /// <summary>Path or [name]; empty for anonymous memory.</summary>
    public required KernelPath Name { get; init; }

    /// <summary>
    /// The text had <c>\012</c>, which stands for a newline, or for itself: maps escapes newlines but no backslashes.
    /// <see cref="Name"/> takes it for a newline; only map_files knows.
    /// </summary>
    public bool IsNameUncertain { get; init; }

    /// <summary>None where it was read from maps.</summary>
    public VmaFlags Flags { get; init; }

    /// <summary>Two-letter flags that this code does not know, with spaces between them. Usually empty.</summary>
    public string UnknownFlags { get; init; } = "";

    /// <summary>Memory protection key, pkeys(7).</summary>
    public int ProtectionKey { get; init; }

    /// <summary>Bytes.</summary>
    public ulong Length => End - Start;

    public bool Has(VmaFlags any) => (Flags & any) != 0;

    /// <summary>Something of a file system, be it one that nobody sees (shared anonymous memory, memfd, SysV).</summary>
    public bool IsFile => Device != 0;

    public bool IsVdso => Name.Is("[vdso]"u8);

    /// <summary>[vvar], and since 6.13 [vvar_vclock] beside it.</summary>
    public bool IsVvar => Name.Is("[vvar]"u8) || Name.Is("[vvar_vclock]"u8);

    public bool IsVsyscall => Name.Is("[vsyscall]"u8);

    public bool IsStack => Name.Is("[stack]"u8);

    public bool IsHeap => Name.Is("[heap]"u8);

    /// <summary>The name ends in " (deleted)".</summary>
    public bool IsDeleted => IsFile && Name.EndsWith(" (deleted)"u8);

    /// <summary>MAP_SHARED | MAP_ANONYMOUS, or a shared mapping of /dev/zero, which is the same. Its inode number is its identity.</summary>
    public bool IsAnonymousShared =>
        IsShared && IsFile && !Has(VmaFlags.HugeTlb) && (Name.Is("/dev/zero (deleted)"u8) || Name.StartsWith("[anon_shmem:"u8));

    /// <summary>A System V shared memory segment; its inode number is its shmid, which may be 0.</summary>
    public bool IsSysV => IsShared && IsDeleted && Name.StartsWith("/SYSV"u8) && Name.Length == "/SYSV00000000 (deleted)"u8.Length;

    public bool IsMemfd => IsDeleted && Name.StartsWith("/memfd:"u8);

    /// <summary>The ring of io_setup(2).</summary>
    public bool IsAioRing => IsFile && Name.Is("/[aio] (deleted)"u8);

    /// <summary>MAP_HUGETLB | MAP_ANONYMOUS, private or shared: a file inside the kernel.</summary>
    public bool IsAnonymousHugeTlb => IsFile && Name.Is("/anon_hugepage (deleted)"u8);

    /// <summary>The name of prctl(PR_SET_VMA_ANON_NAME), without its brackets; empty where there is none.</summary>
    public ReadOnlySpan<byte> AnonymousName =>
        Name.StartsWith("[anon:"u8) && Name.EndsWith("]"u8) ? Name.Span[6..^1] :
        Name.StartsWith("[anon_shmem:"u8) && Name.EndsWith("]"u8) ? Name.Span[12..^1] : default;

    /// <summary>As in maps, for messages.</summary>
    public override string ToString() => $"{Start:x}-{End:x} {Name}";
}
