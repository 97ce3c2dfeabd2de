namespace Linux.Abi;

/// <summary>linux/prctl.h, asm/prctl.h, linux/securebits.h.</summary>
internal static class Prctl
{
    public const int PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_SET_KEEPCAPS = 8, PR_SET_NAME = 15, PR_GET_SECCOMP = 21,
        PR_SET_SECCOMP = 22, PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28, PR_SET_MM = 35, PR_SET_MM_MAP = 14,
        PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40,
        PR_SET_THP_DISABLE = 41, PR_GET_THP_DISABLE = 42, PR_CAP_AMBIENT = 47, PR_CAP_AMBIENT_IS_SET = 1, PR_CAP_AMBIENT_RAISE = 2, PR_CAP_AMBIENT_CLEAR_ALL = 4,
        PR_TIMER_CREATE_RESTORE_IDS = 77;
    public const int ARCH_MAP_VDSO_64 = 0x2003, SECBIT_NO_SETUID_FIXUP = 4;
}

/// <summary>struct prctl_mm_map, linux/prctl.h.</summary>
internal struct MmMap
{
    public long StartCode, EndCode, StartData, EndData, StartBrk, Brk, StartStack, ArgStart, ArgEnd, EnvStart, EnvEnd, Auxv;
    public uint AuxvSize;
    public int ExeFd;

    public const int Size = 104;
}

/// <summary>linux/capability.h: capability numbers, and the header and data of capset (version 3).</summary>
internal static class Capability
{
    public const int SETGID = 6, SETUID = 7, SYS_PTRACE = 19, SYS_ADMIN = 21, SYS_RESOURCE = 24, CHECKPOINT_RESTORE = 40, Version3 = 0x20080522;
}

internal struct CapabilityHeader
{
    public int Version, Pid;
}

internal struct CapabilityData
{
    public uint Effective0, Permitted0, Inheritable0, Effective1, Permitted1, Inheritable1;
}
