namespace Criu.Core.Proc;

/// <summary>The line <c>VmFlags</c> of proc_pid_smaps(5). The bits are ours, not the kernel's; each comment gives the two letters.</summary>
[Flags]
internal enum VmaFlags : ulong
{
    None = 0,
    Read = 1UL << 0,                // rd
    Write = 1UL << 1,               // wr
    Execute = 1UL << 2,             // ex
    Shared = 1UL << 3,              // sh
    MayRead = 1UL << 4,             // mr
    MayWrite = 1UL << 5,            // mw
    MayExecute = 1UL << 6,          // me
    MayShare = 1UL << 7,            // ms: made with MAP_SHARED
    GrowsDown = 1UL << 8,           // gd: MAP_GROWSDOWN, and the stack
    PfnMap = 1UL << 9,              // pf: pages without struct page
    DeniedWrite = 1UL << 10,        // dw: old kernels
    Locked = 1UL << 11,             // lo: mlock
    Io = 1UL << 12,                 // io
    SequentialRead = 1UL << 13,     // sr: MADV_SEQUENTIAL
    RandomRead = 1UL << 14,         // rr: MADV_RANDOM
    DontCopy = 1UL << 15,           // dc: MADV_DONTFORK
    DontExpand = 1UL << 16,         // de: mremap must not grow it
    Accounted = 1UL << 17,          // ac
    NoReserve = 1UL << 18,          // nr: MAP_NORESERVE
    HugeTlb = 1UL << 19,            // ht: MAP_HUGETLB
    SyncFault = 1UL << 20,          // sf: MAP_SYNC
    NonLinear = 1UL << 21,          // nl: old kernels
    Architecture = 1UL << 22,       // ar
    WipeOnFork = 1UL << 23,         // wf: MADV_WIPEONFORK
    DontDump = 1UL << 24,           // dd: MADV_DONTDUMP (core dumps, not ours)
    SoftDirty = 1UL << 25,          // sd
    MixedMap = 1UL << 26,           // mm
    HugePage = 1UL << 27,           // hg: MADV_HUGEPAGE
    NoHugePage = 1UL << 28,         // nh: MADV_NOHUGEPAGE
    Mergeable = 1UL << 29,          // mg: MADV_MERGEABLE
    UffdMissing = 1UL << 30,        // um: userfaultfd
    UffdWriteProtect = 1UL << 31,   // uw
    UffdMinor = 1UL << 32,          // ui
    ShadowStack = 1UL << 33,        // ss
    Sealed = 1UL << 34,             // sl: mseal
    Droppable = 1UL << 35,          // dp: MAP_DROPPABLE
    LockOnFault = 1UL << 36,        // lf: mlock2
    BranchTargets = 1UL << 37,      // bt: arm64
    MemoryTags = 1UL << 38,         // mt: arm64
    MayHaveGuards = 1UL << 39,      // gu: MADV_GUARD_INSTALL, newer kernels
}

/// <summary>Two letters to flag.</summary>
internal static class VmaFlagCodes
{
    /// <summary>None for letters that are not known: what they mean is then not known either, and a dump had better refuse.</summary>
    public static VmaFlags Parse(byte first, byte second) => (first * 256 + second) switch
    {
        'r' * 256 + 'd' => VmaFlags.Read,
        'w' * 256 + 'r' => VmaFlags.Write,
        'e' * 256 + 'x' => VmaFlags.Execute,
        's' * 256 + 'h' => VmaFlags.Shared,
        'm' * 256 + 'r' => VmaFlags.MayRead,
        'm' * 256 + 'w' => VmaFlags.MayWrite,
        'm' * 256 + 'e' => VmaFlags.MayExecute,
        'm' * 256 + 's' => VmaFlags.MayShare,
        'g' * 256 + 'd' => VmaFlags.GrowsDown,
        'p' * 256 + 'f' => VmaFlags.PfnMap,
        'd' * 256 + 'w' => VmaFlags.DeniedWrite,
        'l' * 256 + 'o' => VmaFlags.Locked,
        'i' * 256 + 'o' => VmaFlags.Io,
        's' * 256 + 'r' => VmaFlags.SequentialRead,
        'r' * 256 + 'r' => VmaFlags.RandomRead,
        'd' * 256 + 'c' => VmaFlags.DontCopy,
        'd' * 256 + 'e' => VmaFlags.DontExpand,
        'a' * 256 + 'c' => VmaFlags.Accounted,
        'n' * 256 + 'r' => VmaFlags.NoReserve,
        'h' * 256 + 't' => VmaFlags.HugeTlb,
        's' * 256 + 'f' => VmaFlags.SyncFault,
        'n' * 256 + 'l' => VmaFlags.NonLinear,
        'a' * 256 + 'r' => VmaFlags.Architecture,
        'w' * 256 + 'f' => VmaFlags.WipeOnFork,
        'd' * 256 + 'd' => VmaFlags.DontDump,
        's' * 256 + 'd' => VmaFlags.SoftDirty,
        'm' * 256 + 'm' => VmaFlags.MixedMap,
        'h' * 256 + 'g' => VmaFlags.HugePage,
        'n' * 256 + 'h' => VmaFlags.NoHugePage,
        'm' * 256 + 'g' => VmaFlags.Mergeable,
        'u' * 256 + 'm' => VmaFlags.UffdMissing,
        'u' * 256 + 'w' => VmaFlags.UffdWriteProtect,
        'u' * 256 + 'i' => VmaFlags.UffdMinor,
        's' * 256 + 's' => VmaFlags.ShadowStack,
        's' * 256 + 'l' => VmaFlags.Sealed,
        'd' * 256 + 'p' => VmaFlags.Droppable,
        'l' * 256 + 'f' => VmaFlags.LockOnFault,
        'b' * 256 + 't' => VmaFlags.BranchTargets,
        'm' * 256 + 't' => VmaFlags.MemoryTags,
        'g' * 256 + 'u' => VmaFlags.MayHaveGuards,
        _ => VmaFlags.None,
    };
}
