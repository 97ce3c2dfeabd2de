using Criu.Core.Proc;
using static Linux.Abi.Mman;

namespace Criu.Core.Tests.Proc;

public sealed class VmaTests
{
    private const string Smaps =
        """
        557289417000-557289418000 r-xp 00002000 fe:00 5324803                    /opt/cap
        Size:                  4 kB
        KernelPageSize:        4 kB
        Rss:                   4 kB
        Anonymous:             0 kB
        THPeligible:           0
        ProtectionKey:         3
        VmFlags: rd ex mr mw me 
        7f178552b000-7f178552c000 rw-p 00000000 00:00 0 
        Size:                  4 kB
        THPeligible:           0
        VmFlags: rd wr mr mw me lo dc ac dd zz q7 
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
        Size:                  4 kB
        VmFlags: ex 

        """;

    private static Vma One(string line) => Assert.Single(VmaFiles.ParseMaps(Captured.Text(line + "\n")));

    [Fact]
    public void SmapsGivesOneRecordForEachMapping()
    {
        var vmas = VmaFiles.ParseSmaps(Captured.Text(Smaps));

        Assert.Equal(3, vmas.Count);
        var code = vmas[0];
        Assert.Equal((0x557289417000UL, 0x557289418000UL, 0x2000UL), (code.Start, code.End, code.Offset));
        Assert.Equal((PROT_READ | PROT_EXEC, false, 0xfe00000UL, 5324803UL), (code.Protection, code.IsShared, code.Device, code.Inode));
        Assert.Equal("/opt/cap", code.Name.ToString());
        Assert.Equal(VmaFlags.Read | VmaFlags.Execute | VmaFlags.MayRead | VmaFlags.MayWrite | VmaFlags.MayExecute, code.Flags);
        Assert.Equal((3, "", true), (code.ProtectionKey, code.UnknownFlags, code.IsFile));
        Assert.True(vmas[1].Name.IsEmpty);
        Assert.True(vmas[1].Has(VmaFlags.Locked) && vmas[1].Has(VmaFlags.DontCopy) && vmas[1].Has(VmaFlags.DontDump));
        Assert.True(vmas[2].IsVsyscall);
        Assert.Equal(PROT_EXEC, vmas[2].Protection);
    }

    [Fact]
    public void UnknownFlagsAreKept() => Assert.Equal("zz q7", VmaFiles.ParseSmaps(Captured.Text(Smaps))[1].UnknownFlags);

    [Fact]
    public void NewlinesOfNamesAreDecodedAndSaidToBeUncertain()
    {
        var vma = One(@"7f1785833000-7f1785834000 rw-p 00001000 fe:00 5324807                    /tmp/a\012b\134 (deleted)");

        Assert.Equal(Captured.Path("/tmp/a\nb\\134 (deleted)"), vma.Name);
        Assert.True(vma.IsNameUncertain && vma.IsDeleted);
    }

    [Fact]
    public void NamesAreBytes()
    {
        var vma = One("7f1785834000-7f1785835000 r--s 00000000 fe:00 5324806                    /tmp/odd \\ name \xff  ");

        Assert.Equal(Captured.Path("/tmp/odd \\ name \xff  "), vma.Name);
        Assert.Equal(@"/tmp/odd \ name \xff  ", vma.Name.ToString());
        Assert.False(vma.IsNameUncertain || vma.IsDeleted);
    }

    [Theory]
    [InlineData("r--p 00000000 00:00 0 [vdso]", nameof(Vma.IsVdso))]
    [InlineData("r--p 00000000 00:00 0 [vvar]", nameof(Vma.IsVvar))]
    [InlineData("r--p 00000000 00:00 0 [vvar_vclock]", nameof(Vma.IsVvar))]
    [InlineData("rw-p 00000000 00:00 0 [stack]", nameof(Vma.IsStack))]
    [InlineData("rw-p 00000000 00:00 0 [heap]", nameof(Vma.IsHeap))]
    [InlineData("rw-s 00000000 00:01 1055 /dev/zero (deleted)", nameof(Vma.IsAnonymousShared), nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("rw-s 00000000 00:01 1055 [anon_shmem:x]", nameof(Vma.IsAnonymousShared), nameof(Vma.IsFile))]
    [InlineData("rw-p 00000000 00:01 1055 /dev/zero (deleted)", nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("rw-s 00000000 00:01 0 /SYSV00001234 (deleted)", nameof(Vma.IsSysV), nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("rw-s 00000000 00:01 0 /SYSV0000123 (deleted)", nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("r--s 00000000 00:01 46 /memfd:m (deleted)", nameof(Vma.IsMemfd), nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("rw-s 00000000 00:13 32612 /[aio] (deleted)", nameof(Vma.IsAioRing), nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("rw-p 00000000 00:0f 5 /anon_hugepage (deleted)", nameof(Vma.IsAnonymousHugeTlb), nameof(Vma.IsFile), nameof(Vma.IsDeleted))]
    [InlineData("r--p 00000000 00:06 4 /dev/zero", nameof(Vma.IsFile))]
    [InlineData("rw-p 00000000 00:00 0 [anon: (deleted)]")]
    public void KindsAreToldByTheirNames(string text, params string[] kinds)
    {
        var vma = One("7f0000000000-7f0000001000 " + text);

        (string Name, bool Is)[] all =
        [
            (nameof(Vma.IsVdso), vma.IsVdso), (nameof(Vma.IsVvar), vma.IsVvar), (nameof(Vma.IsVsyscall), vma.IsVsyscall), (nameof(Vma.IsStack), vma.IsStack),
            (nameof(Vma.IsHeap), vma.IsHeap), (nameof(Vma.IsFile), vma.IsFile), (nameof(Vma.IsDeleted), vma.IsDeleted), (nameof(Vma.IsSysV), vma.IsSysV),
            (nameof(Vma.IsAnonymousShared), vma.IsAnonymousShared), (nameof(Vma.IsMemfd), vma.IsMemfd), (nameof(Vma.IsAioRing), vma.IsAioRing),
            (nameof(Vma.IsAnonymousHugeTlb), vma.IsAnonymousHugeTlb),
        ];
        Assert.Equal(kinds.Order(), all.Where(kind => kind.Is).Select(kind => kind.Name).Order());
    }

    [Fact]
    public void AnonymousNamesLoseTheirBrackets()
    {
        Assert.Equal("my name] x"u8, One("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [anon:my name] x]").AnonymousName);
        Assert.Equal("s"u8, One("7f0000000000-7f0000001000 rw-s 00000000 00:01 9 [anon_shmem:s]").AnonymousName);
        Assert.True(One("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [heap]").AnonymousName.IsEmpty);
    }

    [Fact]
    public void SideBySideMappingsShareTheirName()
    {
        var vmas = VmaFiles.ParseMaps(Captured.Text("1000-2000 r--p 00000000 fe:00 7 /lib/a\n2000-3000 r-xp 00001000 fe:00 7 /lib/a\n"));

        Assert.Same(vmas[0].Name.Bytes, vmas[1].Name.Bytes);
    }

    [Theory]
    [InlineData("2000-1000 r--p 00000000 fe:00 7 /a\n", 1)]
    [InlineData("1000-2000 r--p 00000000 fe:00 7 /a\nVmFlags: rd\nhello\n", 3)]
    [InlineData("1000-2000 r--q 00000000 fe:00 7 /a\n", 1)]
    [InlineData("VmFlags: rd \n", 1)]
    [InlineData("1000-2000 r--p 00000000 fe:00 7 /a\nSize: 4 kB\n", 3)]
    [InlineData("1000-2000 r--p 00000000 fe:00 7 /a\n3000-4000 r--p 00000000 fe:00 7 /a\n", 2)]
    [InlineData("1000-2000 r--p 00000000 fe:00 7 /a\nVmFlags: rd", 2)]
    [InlineData("11111111111111111-2000 r--p 00000000 fe:00 7 /a\n", 1)]
    public void DamagedSmapsNamesTheLine(string text, int line)
    {
        var e = Assert.Throws<ProcFormatException>(() => VmaFiles.ParseSmaps(Captured.Text(text)));

        Assert.Equal(("/proc/1/file", line), (e.File, e.Line));
    }

    [Fact]
    public void DamageNeverDoesWorseThanItsOwnException()
    {
        Captured.Damage(Smaps, text => VmaFiles.ParseSmaps(text));
        Captured.Damage("1000-2000 r--p 00000000 fe:00 7 /a\n", text => VmaFiles.ParseMaps(text));
    }

    [Fact]
    public void EveryFlagHasItsTwoLetters()
    {
        var found = VmaFlags.None;
        for (int code = 0; code < 1 << 16; code++)
            found |= VmaFlagCodes.Parse((byte)(code >> 8), (byte)code);

        Assert.Equal(Enum.GetValues<VmaFlags>().Aggregate((a, b) => a | b), found);
    }
}
