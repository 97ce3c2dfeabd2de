namespace Criu.Core.Memory;

/// <summary>The bits of <c>vma_entry.status</c>: what a mapping is made of. Names and values are the image format's.</summary>
internal static class VmaStatus
{
    public const uint Regular = 0x1, Vsyscall = 0x4, Vdso = 0x8, Heap = 0x20, FilePrivate = 0x40, FileShared = 0x80, AnonShared = 0x100, AnonPrivate = 0x200,
        SysVIpc = 0x400, Socket = 0x800, Vvar = 0x1000, AioRing = 0x2000, Memfd = 0x4000, ShadowStack = 0x8000, Uprobes = 0x20000;

    /// <summary>No mapping of its own: pages of others on which any access is a fault (MADV_GUARD_INSTALL). Such entries stand behind all mappings.</summary>
    public const uint Guard = 0x10000;

    /// <summary>What a restore can map.</summary>
    public const uint Known = Regular | Vsyscall | Vdso | Heap | FilePrivate | FileShared | AnonShared | AnonPrivate | Vvar | Memfd;
}
