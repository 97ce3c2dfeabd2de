using Criu.Core.Proc;

namespace Criu.Core.Tests.Proc;

public sealed class SmallFileTests
{
    private const string Timers =
        "ID: 2\nsignal: 35/0000000000000055\nnotify: signal/tid.9732\nClockID: 0\nID: 1\nsignal: 0/0000000000000000\nnotify: none/pid.9732\nClockID: -2\n";

    private const string Mounts =
        @"63 43 0:39 /a\040b /tmp/m\040\134\012#\011 rw,relatime shared:1 master:2 propagate_from:3 later:9 unbindable - fuse.sshfs so\040urce\012\134 rw,size=4k" + "\n"
        + "64 63 254:4097 / / rw - tmpfs  rw,size=4k\n";

    [Fact]
    public void Values()
    {
        Assert.Equal(0x40000u, ProcValues.ParsePersonality(Captured.Text("00040000\n")));
        Assert.Equal(-1000, ProcValues.ParseOomScoreAdjustment(Captured.Text("-1000\n")));
        Assert.Equal(uint.MaxValue, ProcValues.ParseLoginUid(Captured.Text("4294967295")));
        Assert.Equal(Captured.Path("a) (b\nx\\\n"), ProcValues.ParseComm(Captured.Text("a) (b\nx\\\n\n")));
        Assert.Equal(0x33u, ProcValues.ParseCoredumpFilter(Captured.Text("00000033\n")));
        Assert.Equal(50000UL, ProcValues.ParseTimerSlack(Captured.Text("50000\n")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x\n")]
    [InlineData("1 2\n")]
    [InlineData("99999999999\n")]
    public void ValuesMustBeWhole(string text)
    {
        Assert.Throws<ProcFormatException>(() => ProcValues.ParsePersonality(Captured.Text(text)));
        Assert.Throws<ProcFormatException>(() => ProcValues.ParseOomScoreAdjustment(Captured.Text(text)));
        Assert.Throws<ProcFormatException>(() => ProcValues.ParseLoginUid(Captured.Text(text)));
    }

    [Fact]
    public void Children()
    {
        List<int> children = [1];
        ProcValues.ParseChildren(Captured.Text("9779 9780 9781 "), children);
        ProcValues.ParseChildren(Captured.Text(""), children);

        Assert.Equal([1, 9779, 9780, 9781], children);
    }

    [Fact]
    public void Auxv()
    {
        string text = "\x21\0\0\0\0\0\0\0\0\0\x84\x17\xff\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

        Assert.Equal([33UL, 0x7fff17840000UL, 0UL, 0UL], ProcValues.ParseAuxv(Captured.Text(text)));
        Assert.Throws<ProcFormatException>(() => ProcValues.ParseAuxv(Captured.Text(text[..^8])));
    }

    [Fact]
    public void PosixTimers()
    {
        Assert.Equal([new(2, 35, 0x55, TimerNotify.Signal, true, 9732, 0), new(1, 0, 0, TimerNotify.None, false, 9732, -2)], ProcTimer.ParseAll(Captured.Text(Timers)));
        Assert.Empty(ProcTimer.ParseAll(Captured.Text("")));
        Assert.Equal(3, Assert.Throws<ProcFormatException>(() => ProcTimer.ParseAll(Captured.Text("ID: 2\nsignal: 35/0\n"))).Line);
    }

    [Fact]
    public void KernelLinks()
    {
        Assert.True(KernelLink.TryInode(KernelPath.Of("net:[4026531840]"), "net"u8, out ulong inode));
        Assert.Equal(4026531840UL, inode);
        Assert.True(KernelLink.TryInode(KernelPath.Of("socket:[5]"), out inode));
        Assert.Equal(5UL, inode);
        foreach (string other in (string[])["", "net:[]", "net:[1", "net:[1]x", "netx:[1]", "/net:[x1]", "anon_inode:[eventfd]", ":[1]"])
            Assert.False(KernelLink.TryInode(KernelPath.Of(other), "net"u8, out _) || (other != "netx:[1]" && KernelLink.TryInode(KernelPath.Of(other), out _)));
    }

    [Fact]
    public void Cgroups() => Assert.Equal(
        [new(9, "name=systemd", KernelPath.Of("/a:b/../c")), new(1, "cpu,cpuacct", KernelPath.Of("/")), new(0, "", KernelPath.Of("/x (deleted)"))],
        CgroupLine.ParseAll(Captured.Text("9:name=systemd:/a:b/../c\n1:cpu,cpuacct:/\n0::/x (deleted)\n")));

    [Fact]
    public void MountInfoFields()
    {
        var mounts = MountInfo.ParseAll(Captured.Text(Mounts));

        var first = mounts[0];
        Assert.Equal((63, 43, 39UL), (first.Id, first.ParentId, first.Device));
        Assert.Equal(("/a b", "rw,relatime", "fuse.sshfs", "rw,size=4k"), (first.Root.ToString(), first.Options.ToString(), first.FileSystem.ToString(), first.SuperOptions.ToString()));
        Assert.Equal(Captured.Path("/tmp/m \\\n#\t"), first.MountPoint);
        Assert.Equal(Captured.Path("so urce\n\\"), first.Source);
        Assert.Equal((1, 2, 3, true), (first.Shared, first.Master, first.PropagateFrom, first.IsUnbindable));
    }

    [Fact]
    public void AMountMayHaveNoSource()
    {
        var second = MountInfo.ParseAll(Captured.Text(Mounts))[1];

        Assert.True(second.Source.IsEmpty);
        Assert.Equal((254UL << 20 | 4097, "tmpfs", 0, false), (second.Device, second.FileSystem.ToString(), second.Shared, second.IsUnbindable));
    }

    [Fact]
    public void DeviceNumbersOfStatAreTorn()
    {
        Assert.Equal(254UL << 20, KernelDevice.FromStat(0xfe00));
        Assert.Equal(KernelDevice.Make(0x123, 0xabcde), KernelDevice.FromStat(0xabc123deUL));
    }

    [Fact]
    public void DamageNeverDoesWorseThanItsOwnException()
    {
        Captured.Damage(Timers, text => ProcTimer.ParseAll(text));
        Captured.Damage(Mounts, text => MountInfo.ParseAll(text));
        Captured.Damage("9:name=systemd:/a\n0::/\n", text => CgroupLine.ParseAll(text));
        Captured.Damage("12 34 ", text => ProcValues.ParseChildren(text, []));
        Captured.Damage("-17\n", text => ProcValues.ParseOomScoreAdjustment(text));
        Captured.Damage("1: POSIX  ADVISORY  WRITE 2718 fe:00:11657295 0 EOF\n", text => FileLock.ParseAll(text));
    }
}
