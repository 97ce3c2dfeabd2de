namespace Linux.Abi;

/// <summary>linux/sched.h, linux/wait.h.</summary>
internal static class Sched
{
    public const ulong CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800, CLONE_PIDFD = 0x1000, CLONE_PTRACE = 0x2000,
        CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x10000, CLONE_SYSVSEM = 0x40000, CLONE_NEWNET = 0x40000000, CLONE_CLEAR_SIGHAND = 0x100000000;
    public const int WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x01000000, WALL = 0x40000000, P_PID = 1, P_PIDFD = 3;
    public const int SCHED_NORMAL = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3, SCHED_IDLE = 5, SCHED_DEADLINE = 6;
}

/// <summary>struct clone_args, linux/sched.h (first 80 bytes: CLONE_ARGS_SIZE_VER1, with set_tid).</summary>
internal struct CloneArgs
{
    public ulong Flags, Pidfd, ChildTid, ParentTid, ExitSignal, Stack, StackSize, Tls, SetTid, SetTidSize;

    public const int Size = 80;
}

/// <summary>linux/futex.h.</summary>
internal static class Futex
{
    public const int FUTEX_WAIT = 0, FUTEX_WAKE = 1;
}

/// <summary>linux/kcmp.h.</summary>
internal static class Kcmp
{
    public const int FILE = 0, VM = 1, FILES = 2, FS = 3, SIGHAND = 4, IO = 5, SYSVSEM = 6, EPOLL_TFD = 7;
}

/// <summary>struct kcmp_epoll_slot, linux/kcmp.h.</summary>
internal struct KcmpEpollSlot
{
    public uint EpollFd, TargetFd, TargetOffset;
}
