using Criu.Core.Proc;
using Linux.Abi;

namespace Criu.Core.Tests.Proc;

public sealed class FdInfoTests
{
    private const string Head = "pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n";

    private static FdInfo Parse(string more, string head = Head) => FdInfo.Parse(Captured.Text(head + more));

    [Fact]
    public void CommonLines()
    {
        var info = Parse("", "pos:\t77\nflags:\t02300000\nmnt_id:\t27\nino:\t247152\n");

        Assert.Equal((77L, 27, 247152UL), (info.Position, info.MountId, info.Inode));
        Assert.Equal(Fcntl.O_DIRECTORY | Fcntl.O_LARGEFILE | Fcntl.O_CLOEXEC, info.Flags | Fcntl.O_LARGEFILE);
        Assert.False(info.HasLocks);
    }

    [Fact]
    public void KernelsBefore5_14HaveNoInode() => Assert.Null(FdInfo.Parse(Captured.Text("pos:\t0\nflags:\t00\nmnt_id:\t17\n")).Inode);

    [Fact]
    public void EventFd()
    {
        var info = Parse("eventfd-count:             1234\neventfd-id: 1\neventfd-semaphore: 1\n");

        Assert.Equal((0x1234UL, true), (info.EventCount, info.IsEventSemaphore));
    }

    [Fact]
    public void Epoll()
    {
        var info = Parse("tfd:        4 events: c0000019 data: deadbeefcafe1234  pos:0 ino:40e sdev:10\ntfd:        7 events:       1c data:                7  pos:-1 ino:810f sdev:f\n");

        Assert.Equal([new(4, 0xc0000019, 0xdeadbeefcafe1234, 0, 0x40e, 0x10), new(7, 0x1c, 7, -1, 0x810f, 0xf)], info.EpollTargets);
    }

    [Fact]
    public void SignalFd() => Assert.Equal(0x8000000000000200UL, Parse("sigmask:\t8000000000000200\n").SignalMask);

    [Fact]
    public void TimerFd()
    {
        var timer = Parse("clockid: 7\nticks: 1\nsettime flags: 01\nit_value: (0, 12)\nit_interval: (5, 6)\n").Timer;

        Assert.Equal(new TimerFdInfo { Clock = 7, Ticks = 1, SetTimeFlags = 1, Value = new(0, 12), Interval = new(5, 6) }, timer);
    }

    [Fact]
    public void InotifyIsHexadecimalThroughout()
    {
        var watches = Parse("inotify wd:1f ino:13 sdev:fe00000 mask:80000100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:13000000000000a0\n"
            + "inotify wd:1 ino:2 sdev:1b mask:4 ignored_mask:0 \n").InotifyWatches;

        Assert.Equal((31, 0x13UL, 0xfe00000UL, 0x80000100u), (watches[0].Descriptor, watches[0].Inode, watches[0].Device, watches[0].Mask));
        Assert.Equal(1, watches[0].Handle.Type);
        Assert.Equal([0x13, 0, 0, 0, 0, 0, 0, 0xa0], watches[0].Handle.Bytes.ToArray());
        Assert.True(watches[1].Handle.Bytes.IsEmpty);
    }

    [Fact]
    public void Fanotify()
    {
        var info = Parse("fanotify flags:4 event-flags:8000\nfanotify mnt_id:1b mflags:0 mask:18 ignored_mask:1\n"
            + "fanotify ino:3c570 sdev:fe00000 mflags:40 mask:20 ignored_mask:0 fhandle-bytes:2 fhandle-type:1 f_handle:70c5\nfanotify sdev:5 mflags:0 mask:1 ignored_mask:0\n");

        Assert.Equal(new FanotifyGroup(4, 0x8000), info.Fanotify);
        var marks = info.FanotifyMarks;
        Assert.Equal((0x1b, null, null, 0x18u, 1u), (marks[0].MountId, marks[0].Inode, marks[0].Device, marks[0].Mask, marks[0].IgnoredMask));
        Assert.Equal((null, 0x3c570UL, 0xfe00000UL, 0x40u), (marks[1].MountId, marks[1].Inode, marks[1].Device, marks[1].MarkFlags));
        Assert.Equal([0x70, 0xc5], marks[1].Handle.Bytes.ToArray());
        Assert.Equal((null, null, 5UL), (marks[2].MountId, marks[2].Inode, marks[2].Device));
    }

    [Fact]
    public void DescriptorsInASocket() => Assert.Equal(3, Parse("scm_fds: 3\n").QueuedDescriptors);

    [Fact]
    public void Locks()
    {
        var locks = Parse("lock:\t1: FLOCK  ADVISORY  WRITE 9732 fe:00:5324805 0 EOF\nlock:\t2: POSIX  ADVISORY  WRITE 9732 fe:00:5324805 5 14\n"
            + "lock:\t3: OFDLCK ADVISORY  READ -1 fe:00:5324805 50 EOF\nlock:\t4: LEASE  ACTIVE    UNLCK 9732 fe:00:5324805 0 EOF\n").Locks;

        Assert.Equal([FileLockKind.Flock, FileLockKind.Posix, FileLockKind.OpenFileDescription, FileLockKind.Lease], locks.Select(one => one.Kind));
        Assert.Equal([FileLockType.Write, FileLockType.Write, FileLockType.Read, FileLockType.Unlock], locks.Select(one => one.Type));
        Assert.Equal((9732, 0xfe00000UL, 5324805UL, 5L, 14L), (locks[1].Pid, locks[1].Device, locks[1].Inode, locks[1].Start, locks[1].End));
        Assert.Equal((-1, 50L, null, "ACTIVE"), (locks[2].Pid, locks[2].Start, locks[2].End, locks[3].Mode));
    }

    [Fact]
    public void WaitersOfProcLocks()
    {
        var locks = FileLock.ParseAll(Captured.Text("1: POSIX  ADVISORY  WRITE 2718 fe:00:11657295 0 EOF\n1:  -> POSIX  ADVISORY  READ 2720 fe:00:11657295 0 9\n"));

        Assert.Equal([false, true], locks.Select(one => one.IsWaiting));
        Assert.Equal(2720, locks[1].Pid);
    }

    [Fact]
    public void OthersAndWhatIsNotKnown()
    {
        var info = Parse("Pid:\t-1\nNSpid:\t-1\ntty-index:\t3\nan odd line\n:\n\niff:\t\n");

        Assert.Equal((-1, 3), (info.PidfdTarget, info.TtyIndex));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("pos:\t0\n", 2)]
    [InlineData("flags:\t0\npos:\t0\nmnt_id:\t1\n", 1)]
    [InlineData("pos:\t0\nflags:\t9\nmnt_id:\t1\n", 2)]
    [InlineData(Head + "tfd: x\n", 5)]
    [InlineData(Head + "inotify wd:1 ino:2 sdev:1b mask:4 ignored_mask:0 fhandle-bytes:ffffffff fhandle-type:1 f_handle:00\n", 5)]
    [InlineData(Head + "inotify wd:1 ino:2 sdev:1b mask:4 ignored_mask:0 fhandle-bytes:2 fhandle-type:1 f_handle:0x00\n", 5)]
    [InlineData(Head + "sigmask:\t80000", 5)]
    public void DamageNamesTheLine(string text, int line) =>
        Assert.Equal(line, Assert.Throws<ProcFormatException>(() => FdInfo.Parse(Captured.Text(text))).Line);

    [Fact]
    public void DamageNeverDoesWorseThanItsOwnException() => Captured.Damage(
        Head + "lock:\t3: OFDLCK ADVISORY  READ -1 fe:00:5324805 50 EOF\ntfd:        4 events: c0000019 data: deadbeefcafe1234  pos:0 ino:40e sdev:10\n"
        + "inotify wd:2 ino:13 sdev:fe00000 mask:80000100 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:1300000000000000\nclockid: 7\nit_value: (5, 6)\n",
        text => FdInfo.Parse(text));
}
