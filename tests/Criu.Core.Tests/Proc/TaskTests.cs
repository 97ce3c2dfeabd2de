global using TaskStatus = Criu.Core.Proc.TaskStatus;
using Criu.Core.Proc;

namespace Criu.Core.Tests.Proc;

public sealed class TaskTests
{
    private const string Stat =
        "9732 (a) (b\nx\\) S 9723 9724 2903 34817 -1 4194560 99 2318 0 0 0 0 2 0 20 -5 3 0 84375 2723840 344 18446744073709551615 93950417399808 "
        + "93950417403761 140720576545760 0 0 0 65536 6 0 1 0 0 17 0 7 2 0 0 0 93950417411536 93950417412440 93951206871040 140720576551403 "
        + "140720576551409 140720576551410 140720576552946 256\n";

    private const string Status =
        "Name:\ta) (b\\nx\\\\\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t9732\nNgid:\t0\nPid:\t9733\nPPid:\t9723\nTracerPid:\t12\nUid:\t1\t2\t3\t4\n"
        + "Gid:\t5\t6\t7\t4294967294\nFDSize:\t256\nGroups:\t4 24 65534 \nNStgid:\t9732\t1\nNSpid:\t9733\t2\nNSpgid:\t9723\t0\nNSsid:\t2903\t0\nKthread:\t0\n"
        + "VmSize:\t    2660 kB\nVmLck:\t       4 kB\nVmRSS:\t    1480 kB\nVmSwap:\t       0 kB\nCoreDumping:\t0\nuntag_mask:\t0xffffffffffffffff\nThreads:\t3\n"
        + "SigQ:\t3/96365\nSigPnd:\t0000000000000001\nShdPnd:\t8000000000000000\nSigBlk:\t0000000000010000\nSigIgn:\t0000000000000006\nSigCgt:\t0000000000000008\n"
        + "CapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\nCapEff:\t0000000000000001\nCapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000002\nNoNewPrivs:\t1\n"
        + "Seccomp:\t2\nSeccomp_filters:\t4\nx86_Thread_features:\tshstk wrss \nCpus_allowed_list:\t0-1\n";

    [Fact]
    public void StatFindsTheEndOfAnyName()
    {
        var stat = TaskStat.Parse(Captured.Text(Stat));

        Assert.Equal((9732, 'S', 9723, 9724, 2903), (stat.Pid, stat.State, stat.ParentPid, stat.ProcessGroup, stat.Session));
        Assert.Equal(Captured.Path("a) (b\nx\\"), stat.Comm);
        Assert.Equal((34817u, -1, 4194560u, -5, 3, 84375UL), (stat.Tty, stat.TerminalProcessGroup, stat.Flags, stat.Nice, stat.ThreadCount, stat.StartTime));
        Assert.Equal((17, 7u, 2u, 256), (stat.ExitSignal, stat.RealTimePriority, stat.Policy, stat.ExitCode));
    }

    [Fact]
    public void StatHasTheAddresses()
    {
        var stat = TaskStat.Parse(Captured.Text(Stat));

        Assert.Equal((93950417399808UL, 93950417403761UL, 140720576545760UL), (stat.StartCode, stat.EndCode, stat.StartStack));
        Assert.Equal((93950417411536UL, 93950417412440UL, 93951206871040UL), (stat.StartData, stat.EndData, stat.StartBrk));
        Assert.Equal((140720576551403UL, 140720576551409UL, 140720576551410UL, 140720576552946UL), (stat.ArgStart, stat.ArgEnd, stat.EnvStart, stat.EnvEnd));
        Assert.Equal((0UL, 0UL), (stat.StackPointer, stat.InstructionPointer));
    }

    [Fact]
    public void StatusHasIds()
    {
        var status = TaskStatus.Parse(Captured.Text(Status));

        Assert.Equal((9732, 9733, 9723, 12), (status.ThreadGroup, status.Pid, status.ParentPid, status.TracerPid));
        Assert.Equal([9732, 1], status.NamespaceThreadGroups);
        Assert.Equal([9733, 2], status.NamespacePids);
        Assert.Equal([9723, 0], status.NamespaceProcessGroups);
        Assert.Equal([2903, 0], status.NamespaceSessions);
    }

    [Fact]
    public void StatusHasCredentials()
    {
        var status = TaskStatus.Parse(Captured.Text(Status));

        Assert.Equal((new IdSet(1, 2, 3, 4), new IdSet(5, 6, 7, 4294967294)), (status.Uid, status.Gid));
        Assert.Equal([4u, 24u, 65534u], status.Groups);
        Assert.Equal((0UL, 0x1fffeffffffUL, 1UL), (status.CapInheritable, status.CapPermitted, status.CapEffective));
        Assert.Equal((0x1fffeffffffUL, 2UL), (status.CapBounding, status.CapAmbient));
    }

    [Fact]
    public void StatusHasStateSignalsAndMemory()
    {
        var status = TaskStatus.Parse(Captured.Text(Status));

        Assert.Equal(('S', 0x12, 256, 3, false), (status.State, status.Umask, status.FdTableSize, status.ThreadCount, status.IsDumpingCore));
        Assert.Equal((true, 2, 4, true, false), (status.HasNoNewPrivileges, status.Seccomp, status.SeccompFilters, status.HasShadowStack, status.IsKernelThread));
        Assert.Equal((3UL, 96365UL, 1UL, 1UL << 63), (status.QueuedSignals, status.QueuedSignalLimit, status.SignalsPending, status.SignalsPendingShared));
        Assert.Equal((0x10000UL, 6UL, 8UL), (status.SignalsBlocked, status.SignalsIgnored, status.SignalsCaught));
        Assert.Equal((2660UL << 10, 4096UL, 1480UL << 10, 0UL), (status.VirtualSize, status.LockedSize, status.ResidentSize, status.SwappedSize));
    }

    [Fact]
    public void AZombieHasNoUmask()
    {
        var status = TaskStatus.Parse(Captured.Text(Status.Replace("Umask:\t0022\n", "").Replace("S (sleeping)", "Z (zombie)")));

        Assert.Null(status.Umask);
        Assert.True(status.IsZombie);
    }

    [Fact]
    public void NoGroupsAreAnEmptyList() =>
        Assert.Empty(TaskStatus.Parse(Captured.Text(Status.Replace("Groups:\t4 24 65534 \n", "Groups:\t \n"))).Groups);

    [Fact]
    public void AStatusCutBetweenLinesNamesWhatIsMissing()
    {
        var e = Assert.Throws<ProcFormatException>(() => TaskStatus.Parse(Captured.Text(Status[..Status.IndexOf("CapInh", StringComparison.Ordinal)])));

        Assert.Contains("CapBnd", e.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("12 (name")]
    [InlineData("12 (name) ")]
    [InlineData("12 (name) S 1 2 3\n")]
    public void StatMustBeWhole(string text) => Assert.Throws<ProcFormatException>(() => TaskStat.Parse(Captured.Text(text)));

    [Fact]
    public void DamageNeverDoesWorseThanItsOwnException()
    {
        Captured.Damage(Stat, text => TaskStat.Parse(text));
        Captured.Damage(Status, text => TaskStatus.Parse(text));
    }
}
