using System.Text.Json;
using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>Images of ours in the hands of Debian's crit, which knows an older format: it must find in each what our own finds.</summary>
public sealed class CritTests : EndToEndTest
{
    private const string Debians = "/usr/bin/crit";

    public static TheoryData<string> Some => ["counter", "threads 16", "files", "pipes", "shared", "memfd", "epoll", "signals", "timers", "credentials", "place", "zombie"];

    [Theory, MemberData(nameof(Some))]
    public void Debians_crit_decodes_our_images(string workload)
    {
        if (!File.Exists(Debians))
            Skips.Because("needs Debian's crit");
        Target target = Start(Workloads.Named(workload));
        target.Dump(Engine.Native, "-R");
        string[] images = [.. Directory.EnumerateFiles(target.Images, "*.img").Where(f => !Path.GetFileName(f).StartsWith("pages-", StringComparison.Ordinal))];
        Assert.True(images.Length > 8, $"only {images.Length} images");
        foreach (string image in images)
        {
            JsonElement theirs = Decoded([Debians], image), ours = Decoded(Engine.Native.Command is [var criu] ? [criu, "crit"] : [], image);
            Assert.Equal(ours.GetProperty("magic").GetString(), theirs.GetProperty("magic").GetString());
            target.Holds(ours.GetProperty("entries").GetArrayLength() == theirs.GetProperty("entries").GetArrayLength(), $"has another number of entries in {image}");
        }
        target.Finish();
    }

    private static JsonElement Decoded(string[] crit, string image)
    {
        string json = image + ".json";
        File.Delete(json);
        Assert.Equal(0, Child.Wait(Child.Start([.. crit, "decode", "-i", image, "-o", json]), TimeSpan.FromSeconds(60)));
        using var document = JsonDocument.Parse(File.ReadAllText(json));
        return document.RootElement.Clone();
    }
}
