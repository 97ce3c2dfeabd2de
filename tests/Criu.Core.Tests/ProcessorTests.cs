using Criu.Core.Options;
using Criu.Core.Processor;
using Criu.Images;
using Criu.Images.Proto;

namespace Criu.Core.Tests;

/// <summary>What a processor can do, and whether another one can do it too.</summary>
public sealed class ProcessorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cpuinfo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The kernel has read the same leaves.</summary>
    [Fact]
    public void IsTheProcessorOfProc()
    {
        CpuinfoX86Entry here = ProcessorFeatures.Read();
        string[] lines = File.ReadAllLines("/proc/cpuinfo");
        Assert.Equal((Of("cpu family"), Of("model"), Of("stepping"), Of("model name")), ($"{here.CpuFamily}", $"{here.Model}", $"{here.Stepping}", here.ModelId.ToStringUtf8()));
        string[] flags = Of("flags").Split(' ');
        foreach (var (flag, word, bit) in new[] { ("fpu", 0, 0), ("sse2", 0, 26), ("lm", 1, 29), ("sse4_2", 4, 20), ("avx2", 9, 5), ("xsaveopt", 10, 0), ("fsrm", 18, 4) })
            Assert.Equal(flags.Contains(flag), (here.Capability[word] >> bit & 1) == 1);

        string Of(string name) => lines.First(line => line.StartsWith(name + "\t", StringComparison.Ordinal)).Split(':')[1].Trim();
    }

    [Fact]
    public void FitsItself()
    {
        using (ImageDirectory images = ImageDirectory.Create(_folder))
        {
            ProcessorImages.Write(images);
            images.Commit();
        }
        using ImageDirectory written = ImageDirectory.Open(_folder);
        ProcessorImages.Demand(written, ProcessorParts.All);
    }

    [Theory]
    [InlineData("register", ProcessorParts.Fpu, "registers (xfeatures 8000000000000000)")]
    [InlineData("register", ProcessorParts.Instructions, null)]
    [InlineData("instruction", ProcessorParts.Instructions, "features of CPUID 6.0 Eax (80000000 missing)")]
    [InlineData("instruction", ProcessorParts.Fpu, null)]
    [InlineData("model", ProcessorParts.Processor, "the model (")]
    [InlineData("model", ProcessorParts.Instructions | ProcessorParts.Fpu, null)]
    [InlineData("less", ProcessorParts.Processor, "features of CPUID 1.0 Edx (0 missing, 1 more)")]
    [InlineData("less", ProcessorParts.Instructions, null)]
    public void NamesWhatIsMissing(string change, ProcessorParts parts, string? lack)
    {
        CpuinfoX86Entry here = ProcessorFeatures.Read(), there = here.Clone();
        if (change == "register")
            there.XfeaturesMask |= 1ul << 63;
        else if (change == "instruction")
            there.Capability[14] |= 1u << 31;
        else if (change == "model")
            there.Model++;
        else
            there.Capability[0] &= ~1u;
        IReadOnlyList<string> lacks = ProcessorFeatures.Lacks(there, here, parts);
        if (lack == null)
            Assert.Empty(lacks);
        else
            Assert.StartsWith(lack, Assert.Single(lacks));
    }

    [Fact]
    public void SaysWhatThereIsNothingToCompareWith()
    {
        using ImageDirectory images = ImageDirectory.Open(_folder);
        Assert.Contains("has no cpuinfo.img", Assert.Throws<CheckpointException>(() => ProcessorImages.Demand(images, ProcessorParts.Fpu)).Message);
        ProcessorImages.Demand(images, ProcessorParts.None);
    }

    [Theory]
    [InlineData(null, ProcessorParts.All, true)]
    [InlineData("none", ProcessorParts.None, false)]
    [InlineData("fpu", ProcessorParts.Fpu, false)]
    [InlineData("cpu,ins", ProcessorParts.Processor | ProcessorParts.Instructions, true)]
    [InlineData("all,^fpu", ProcessorParts.Processor | ProcessorParts.Instructions, true)]
    [InlineData("5", ProcessorParts.Fpu | ProcessorParts.Instructions, true)]
    public void IsAnOption(string? value, ProcessorParts parts, bool isRecorded)
    {
        MergedOptions merged = OptionMerge.Merge([new OptionSetting("cpu-cap", value, "")]);
        Assert.Equal((parts, isRecorded), (merged.Restore.Processor, merged.Dump.RecordsProcessor));
    }
}
