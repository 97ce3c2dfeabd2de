using Criu.Core.Proc;
using Linux.Abi;

namespace Criu.Core.Tests.Proc;

/// <summary>The parsers on what this kernel writes about this very process.</summary>
public sealed class LiveTests : IDisposable
{
    private readonly ProcText text = new();
    private readonly ProcDirectory self;
    private readonly List<int> made = [];

    public LiveTests()
    {
        Assert.True(ProcDirectory.TryOpen(Environment.ProcessId, out var directory));
        self = directory;
    }

    public void Dispose()
    {
        self.Dispose();
        made.ForEach(fd => Kernel.Call(Nr.close, fd));
    }

    private ProcText Read(ProcName name)
    {
        Assert.True(self.TryRead(name, text), name.ToString());
        return text;
    }

    private int Make(long fd)
    {
        Assert.False(Kernel.Failed(fd), Errno.Name(fd));
        made.Add((int)fd);
        return (int)fd;
    }

    private FdInfo InfoOf(int fd) => FdInfo.Parse(Read(ProcName.Of("fdinfo"u8, fd)));

    [Fact]
    public void StatAndStatusAgree()
    {
        var stat = TaskStat.Parse(Read("stat"u8));
        var status = TaskStatus.Parse(Read("status"u8));

        Assert.Equal((Environment.ProcessId, stat.Pid, stat.ParentPid), (stat.Pid, status.Pid, status.ParentPid));
        Assert.Equal(stat.Pid, status.ThreadGroup);
        Assert.Equal([stat.ProcessGroup], status.NamespaceProcessGroups.Take(1));
        Assert.True(stat.StartCode < stat.EndCode && stat.ArgStart < stat.ArgEnd && stat.StartTime > 0);
        Assert.True(status.ResidentSize > 1 << 20 && status.ThreadCount > 1 && status.Umask != null);
        Assert.Equal(stat.Comm, ProcValues.ParseComm(Read("comm"u8)));
    }

    [Fact]
    public void SmallFiles()
    {
        Assert.Equal(File.ReadAllText("/proc/self/oom_score_adj").Trim(), ProcValues.ParseOomScoreAdjustment(Read("oom_score_adj"u8)).ToString());
        ProcValues.ParsePersonality(Read("personality"u8));
        ProcValues.ParseTimerSlack(Read("timerslack_ns"u8));
        ProcTimer.ParseAll(Read("timers"u8));
        ulong[] auxv = ProcValues.ParseAuxv(Read("auxv"u8));
        Assert.Equal([0UL, 0UL], auxv[^2..]);
        Assert.Contains(33UL, auxv.Where((_, i) => i % 2 == 0));            // AT_SYSINFO_EHDR, the vDSO
        Assert.NotEmpty(CgroupLine.ParseAll(Read("cgroup"u8)));
        Assert.Contains(MountInfo.ParseAll(Read("mountinfo"u8)), mount => mount.FileSystem.Is("proc"u8));
    }

    [Fact]
    public void EverySmapsFlagOfThisProcessIsKnown()
    {
        List<Vma> vmas = [];
        Assert.True(VmaFiles.TryReadSmaps(self, text, vmas));

        Assert.All(vmas, vma => Assert.Equal("", vma.UnknownFlags));
        Assert.All(vmas, vma => Assert.True(vma.IsShared == vma.Has(VmaFlags.MayShare), vma.ToString()));
        Assert.Equal(vmas.OrderBy(vma => vma.Start), vmas);
    }

    [Fact]
    public void KindsOfMappings()
    {
        using var shared = new OwnMemory(3, flags: Mman.MAP_SHARED | Mman.MAP_ANONYMOUS);
        using var file = new TemporaryFile(4);
        using var mapped = new OwnMemory(4, Mman.PROT_READ, Mman.MAP_PRIVATE, file.Fd);
        List<Vma> vmas = [];
        Assert.True(VmaFiles.TryReadSmaps(self, text, vmas));

        var anonymous = Assert.Single(vmas, vma => vma.Start == shared.Start);
        Assert.True(anonymous.IsAnonymousShared && anonymous.IsShared && anonymous.Inode > 0);
        var plain = Assert.Single(vmas, vma => vma.Start == mapped.Start);
        Assert.Equal((mapped.End, Mman.PROT_READ, false, file.Path), (plain.End, plain.Protection, plain.IsShared, plain.Name.ToString()));
        Assert.Equal(PageKind.PrivateFile, PageFilter.KindOf(plain));
        Assert.Equal(PageKind.None, PageFilter.KindOf(anonymous));
        Assert.True(plain.Has(VmaFlags.NoHugePage));
    }

    [Fact]
    public void ReadsTheInfoOfEveryDescriptor()
    {
        List<int> fds = [];
        Assert.True(self.TryListNumbers("fd"u8, fds));
        foreach (int fd in fds)
            if (self.TryRead(ProcName.Of("fdinfo"u8, fd), text))
                Assert.True(FdInfo.Parse(text).MountId >= 0);
    }

    [Fact]
    public void EventAndEpollDescriptors()
    {
        int counter = Make(Kernel.Call(Nr.eventfd2, 0x4711, Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK));
        int epoll = Make(Kernel.Call(Nr.epoll_create1));
        EpollAdd(epoll, counter, 0x80000001, 0x1122334455667788);
        var info = InfoOf(counter);

        Assert.Equal((0x4711UL, false), (info.EventCount, info.IsEventSemaphore));
        Assert.Equal(Fcntl.O_RDWR | Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK, info.Flags);
        var target = Assert.Single(InfoOf(epoll).EpollTargets);
        // EPOLLERR and EPOLLHUP are always added.
        Assert.Equal((counter, 0x80000019u, 0x1122334455667788UL), (target.Fd, target.Events, target.Data));
        Assert.Equal(info.Inode, target.Inode);
    }

    private static unsafe void EpollAdd(int epoll, int fd, uint events, ulong data)
    {
        byte* request = stackalloc byte[Epoll.EventSize];
        *(uint*)request = events;
        *(ulong*)(request + 4) = data;
        Assert.Equal(0, Kernel.Call(Nr.epoll_ctl, epoll, Epoll.EPOLL_CTL_ADD, fd, (long)request));
    }

    [Fact]
    public void TimerAndSignalDescriptors()
    {
        int timer = Make(Kernel.Call(Nr.timerfd_create, 1, Fcntl.O_CLOEXEC));
        SetTimer(timer, new() { ValueSeconds = 1000, IntervalSeconds = 3, IntervalNanoseconds = 4 });
        int signals = Make(SignalFd(1UL << 9 | 1UL << 63));
        var state = InfoOf(timer).Timer!;

        Assert.Equal((1, 0UL, 0, new TimerSpan(3, 4)), (state.Clock, state.Ticks, state.SetTimeFlags, state.Interval));
        Assert.InRange(state.Value.Seconds, 900, 1000);
        Assert.Equal(1UL << 9 | 1UL << 63, InfoOf(signals).SignalMask);
    }

    private static unsafe void SetTimer(int fd, IntervalTimerSpec spec) =>
        Assert.Equal(0, Kernel.Call(Nr.timerfd_settime, fd, 0, (long)&spec));

    private static unsafe long SignalFd(ulong mask) => Kernel.Call(Nr.signalfd4, -1, (long)&mask, sizeof(ulong), Fcntl.O_CLOEXEC);

    [Fact]
    public void InotifyWatchesWithNumbersAboveNine()
    {
        int inotify = Make(Kernel.Call(Nr.inotify_init1, Fcntl.O_CLOEXEC));
        string[] folders = ["/", "/proc", "/dev", "/etc", "/usr", "/usr/bin", "/usr/lib", "/tmp", "/var", "/sys", "/root", "/usr/share"];
        var expected = folders.Select(folder => (int)Watch(inotify, folder)).Where(wd => wd > 0).Order().ToList();

        Assert.True(expected.Count > 10);
        var watches = InfoOf(inotify).InotifyWatches;
        Assert.Equal(expected, watches.Select(watch => watch.Descriptor).Order());
        Assert.All(watches, watch => Assert.Equal(2u, watch.Mask & 2));
    }

    private static unsafe long Watch(int inotify, string folder)
    {
        fixed (byte* path = Kernel.CString(folder))
            return Kernel.Call(Nr.inotify_add_watch, inotify, (long)path, 2);
    }

    [Fact]
    public void LocksOfADescriptor()
    {
        using var file = new TemporaryFile(1);
        Assert.Equal(0, Kernel.Call(Nr.flock, file.Fd, 2));
        var held = Assert.Single(InfoOf(file.Fd).Locks);

        Assert.Equal((FileLockKind.Flock, FileLockType.Write, 0L, null), (held.Kind, held.Type, held.Start, held.End));
        Assert.Equal(InfoOf(file.Fd).Inode, held.Inode);
        Assert.True(ProcDirectory.TryOpen("/proc", out var root));
        using var owned = root;
        Assert.True(root.TryRead("locks"u8, text));
        Assert.Contains(FileLock.ParseAll(text), one => one.Inode == held.Inode && one.Pid == Environment.ProcessId);
    }

    [Fact]
    public void NamesThatAreNotUtf8()
    {
        using var folder = new OddlyNamedFile("a\n\\012\xff (deleted)");
        using var mapped = new OwnMemory(1, Mman.PROT_READ, Mman.MAP_PRIVATE, Make(folder.Open()));
        List<Vma> vmas = [];
        Assert.True(VmaFiles.TryReadMaps(self, text, vmas));
        var vma = Assert.Single(vmas, one => one.Start == mapped.Start);

        // maps cannot tell a newline from the text \012; the link can.
        Assert.True(vma.IsNameUncertain);
        Assert.True(self.TryReadLink(ProcName.OfMapFile(vma.Start, vma.End), out var target));
        Assert.True(target.EndsWith(Captured.Bytes("/a\n\\012\xff (deleted)")));
        Assert.True(vma.Name.EndsWith(Captured.Bytes("/a\n\n\xff (deleted)")));
    }
}
