using System.Diagnostics;
using Criu.Core.Proc;
using Linux.Abi;

namespace Criu.Core.Tests.Proc;

public sealed class ProcDirectoryTests : IDisposable
{
    private readonly ProcDirectory self = Open(Environment.ProcessId);
    private readonly ProcText text = new(64);

    private static ProcDirectory Open(int pid)
    {
        Assert.True(ProcDirectory.TryOpen(pid, out var directory));
        return directory;
    }

    public void Dispose() => self.Dispose();

    [Fact]
    public void ReadsAFileLargerThanItsBuffer()
    {
        Assert.True(self.TryRead("maps"u8, text));

        Assert.True(text.Length > 4096);
        Assert.Equal((byte)'\n', text.Bytes[^1]);
    }

    [Fact]
    public void PiecesGiveWhatTheWholeGives()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        try
        {
            Assert.True(Tasks.SleepsInside(child.Id, "sleep"));
            using var directory = Open(child.Id);
            Assert.True(directory.TryRead("smaps"u8, text));
            var whole = VmaFiles.ParseSmaps(text);
            List<Vma> pieces = [], maps = [];
            Assert.True(VmaFiles.TryReadSmaps(directory, new(4096), pieces));
            Assert.True(VmaFiles.TryReadMaps(directory, new(256), maps));

            Assert.Equal(whole, pieces);
            Assert.Equal(whole.Select(vma => vma with { Flags = VmaFlags.None, ProtectionKey = 0 }), maps);
            Assert.Single(whole, vma => vma.IsStack);
            Assert.Single(whole, vma => vma.IsVdso);
            Assert.All(whole, vma => Assert.Equal("", vma.UnknownFlags));
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public void LinksAndNumbers()
    {
        Assert.True(self.TryReadLink("ns/net"u8, out var link));
        Assert.True(KernelLink.TryInode(link, "net"u8, out ulong inode));
        Assert.True(inode > 0);
        List<int> numbers = [-1];
        Assert.True(self.TryListNumbers("fd"u8, numbers));
        Assert.Equal(numbers.Order(), numbers);
        Assert.Contains(self.Fd, numbers);
        Assert.True(self.TryReadLink(ProcName.Of("fd"u8, self.Fd), out link));
        Assert.Equal(self.Path, link.ToString());
        Assert.True(self.TryListNumbers("task"u8, numbers));
        Assert.Contains(Environment.ProcessId, numbers);
    }

    [Fact]
    public void ThreadsHaveTheirOwnDirectory()
    {
        List<int> threads = [];
        Assert.True(self.TryListNumbers("task"u8, threads));
        Assert.True(self.TryOpenThread(threads[0], out var thread));
        using var owned = thread;
        Assert.True(thread.TryRead("stat"u8, text));

        Assert.Equal(threads[0], TaskStat.Parse(text).Pid);
        Assert.Equal($"{self.Path}/task/{threads[0]}/stat", text.File);
        Assert.True(self.TryRead(ProcName.Of("task"u8, threads[0], "children"u8), text));
        Assert.False(self.TryOpenThread(int.MaxValue, out _));
    }

    [Fact]
    public void MapFilesAreFoundByAddress()
    {
        List<Vma> vmas = [];
        Assert.True(VmaFiles.TryReadMaps(self, text, vmas));
        var file = vmas.First(vma => vma.IsFile && !vma.IsDeleted && vma.Name.StartsWith("/usr"u8));
        Assert.True(self.TryReadLink(ProcName.OfMapFile(file.Start, file.End), out var target));

        Assert.Equal(file.Name, target);
    }

    [Fact]
    public void WhatIsNotThereIsNoError()
    {
        Assert.False(ProcDirectory.TryOpen(int.MaxValue, out _));
        Assert.False(self.TryRead("nothing"u8, text));
        Assert.False(self.TryReadLink(ProcName.Of("fd"u8, int.MaxValue), out var link));
        Assert.True(link.IsEmpty);
        Assert.False(self.TryListNumbers("nothing"u8, []));
        Assert.False(self.TryOpenAt("nothing"u8, Fcntl.O_RDONLY, out _));
    }

    [Fact]
    public void OtherErrorsNameTheFile()
    {
        var e = Assert.Throws<ProcAccessException>(() => self.TryReadLink("stat"u8, out _));

        Assert.Equal(Errno.EINVAL, e.Error);
        Assert.Contains($"{self.Path}/stat: EINVAL", e.Message);
    }

    [Fact]
    public void AProcessThatIsGoneStaysGone()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        using var directory = Open(child.Id);
        Assert.True(directory.TryRead("stat"u8, text));
        child.Kill();
        child.WaitForExit();

        Assert.False(directory.TryRead("stat"u8, text));
        Assert.False(directory.TryReadLink("exe"u8, out _));
        Assert.False(directory.TryListNumbers("fd"u8, []));
        Assert.False(VmaFiles.TryReadSmaps(directory, text, []));
    }

    [Fact]
    public void NamesFitOrAreRefused()
    {
        Assert.Equal("map_files/ffffffffffffe000-fffffffffffff000", ProcName.OfMapFile(0xffffffffffffe000, 0xfffffffffffff000).ToString());
        Assert.Equal("task/2147483647/children", ProcName.Of("task"u8, int.MaxValue, "children"u8).ToString());
        Assert.Equal(0, ProcName.Of("task"u8, 1).Z[^1]);
        Assert.Throws<ArgumentException>(() => (ProcName)new byte[64]);
        _ = (ProcName)new byte[63];
    }
}
