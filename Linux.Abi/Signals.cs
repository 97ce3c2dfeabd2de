namespace Linux.Abi;

/// <summary>asm/signal.h, asm-generic/siginfo.h.</summary>
internal static class Signals
{
    public const int SIGHUP = 1, SIGKILL = 9, SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22;
    public const int SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2, Count = 64, SiginfoSize = 128, SS_DISABLE = 2, SA_SIGINFO = 4, SA_RESTORER = 0x4000000,
        SA_RESTART = 0x10000000;
}

/// <summary>struct sigaction as the kernel takes it on x86-64, asm/signal.h.</summary>
internal struct KernelSigaction
{
    public long Handler, Flags, Restorer, Mask;

    public const int Size = 32;
}

/// <summary>stack_t, asm/signal.h.</summary>
internal struct SignalStack
{
    public long Sp;
    public int Flags, Pad;
    public long Size;
}

/// <summary>struct timeval / itimerval, linux/time.h.</summary>
internal struct IntervalTimer
{
    public long IntervalSeconds, IntervalMicroseconds, ValueSeconds, ValueMicroseconds;
}

/// <summary>struct timespec / itimerspec, linux/time.h.</summary>
internal struct IntervalTimerSpec
{
    public long IntervalSeconds, IntervalNanoseconds, ValueSeconds, ValueNanoseconds;
}

/// <summary>struct rlimit64, linux/resource.h.</summary>
internal struct ResourceLimit
{
    public ulong Current, Maximum;

    public const int Kinds = 16;
}

/// <summary>struct sigevent, asm-generic/siginfo.h: 64 bytes.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Size = 64)]
internal struct SignalEvent
{
    public long Value;
    public int Signal, Notify, ThreadId;
}
