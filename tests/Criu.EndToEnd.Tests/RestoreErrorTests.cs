using Criu.EndToEnd.Tests.Harness;

namespace Criu.EndToEnd.Tests;

/// <summary>A restore that cannot be: it names the image or the pid, and leaves no process. With good images it works afterwards.</summary>
public sealed class RestoreErrorTests : EndToEndTest
{
    private const int ArchitectureOffset = 13;         // magics (8 bytes), length (4), tag of the field (1)
    private const byte Aarch64 = 3;

    public static TheoryData<string> Engines => [.. Engine.UnderTest];

    public static TheoryData<string, string> Flipped => [.. Engine.UnderTest.SelectMany(e => new[] { "counter", "passed" }.Select(w => (e, w)))];

    public static TheoryData<string, string> Images =>
        [.. Engine.UnderTest.SelectMany(e => new[] { "inventory.img", "pstree.img", "core-", "mm-", "pagemap-", "pages-", "files.img", "fdinfo-", "ids-", "fs-" }.Select(i => (e, i)))];

    [Theory, MemberData(nameof(Engines))]
    public void Pid_taken(string engine)
    {
        Target target = Start(Workloads.Named("counter"));
        target.Dump(Engine.Named(engine), "-R");
        target.Refuses(Engine.Named(engine).Restore(target.Images), $@"\b{target.Pid}\b", "exist|taken|in use");
        target.IsUntouched();
        target.GoesOn();
        target.Finish();
    }

    [Theory, MemberData(nameof(Engines))]
    public void A_file_has_another_mode(string engine)
    {
        Target target = Dumped(engine);
        File.SetUnixFileMode(target.LogFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        target.Refuses(Engine.Named(engine).Restore(target.Images), "log has the mode 0100700, at the dump", "--skip-file-rwx-check");
        target.IsGone();
        target.Restore(Engine.Named(engine), "--skip-file-rwx-check");
        target.GoesOn();
        target.Finish();
    }

    [Theory, MemberData(nameof(Images))]
    public void An_image_is_missing(string engine, string image)
    {
        if (image is "fdinfo-" or "ids-" or "fs-")
            return;                                      // an absent one of these may mean "none"
        Spoiled(engine, image, (file, _) => File.Delete(file), image == "pstree.img" ? "pstree|no process" : Path.GetFileNameWithoutExtension(image.TrimEnd('-')));
    }

    [Theory, MemberData(nameof(Images))]
    public void An_image_is_cut_off(string engine, string image) =>
        Spoiled(engine, image, (file, bytes) => File.WriteAllBytes(file, bytes[..^3]), image.Split('.', '-')[0]);

    [Theory, MemberData(nameof(Engines))]
    public void Images_of_another_architecture(string engine) =>
        Spoiled(engine, "core-", (file, bytes) =>
        {
            Assert.Equal([0x08, 1], bytes[(ArchitectureOffset - 1)..(ArchitectureOffset + 1)]);
            bytes[ArchitectureOffset] = Aarch64;
            File.WriteAllBytes(file, bytes);
        }, "aarch64|arm64|architecture");

    /// <summary>Whatever a flipped bit means, the engine ends in good order and leaves nothing half done. The seed tells which bits.</summary>
    [Theory, MemberData(nameof(Flipped))]
    public void Bits_are_flipped(string engine, string workload)
    {
        Target target = Dumped(engine, workload);
        int seed = Setting("CRIU_SEED", Random.Shared.Next()), rounds = Setting("CRIU_FLIPS", engine == "native" ? 60 : 10);
        TestContext.Current.TestOutputHelper?.WriteLine($"CRIU_SEED={seed}");
        Random random = new(seed);
        string[] images = [.. Directory.GetFiles(target.Images, "*.img").Where(i => !Path.GetFileName(i).StartsWith("pages-", StringComparison.Ordinal)).Order()];
        for (int round = 0; round < rounds; round++)
        {
            string image = images[random.Next(images.Length)];
            byte[] good = File.ReadAllBytes(image), bad = [.. good];
            int at = random.Next(bad.Length), bit = random.Next(8);
            bad[at] ^= (byte)(1 << bit);
            File.WriteAllBytes(image, bad);
            EngineRun run = target.Note(Engine.Named(engine).Restore(target.Images));
            string what = $"(CRIU_SEED={seed}, round {round}: bit {bit} of byte {at} of {Path.GetFileName(image)})";
            target.Holds(run.ExitCode is 0 or (> 0 and < 128) && !run.Everything.Contains("Unhandled exception", StringComparison.Ordinal), $"is not restored in good order {what}");
            if (!run.Succeeded)
                target.IsGone(what);
            target.End();
            File.WriteAllBytes(image, good);
        }
    }

    /// <summary>An id that the images do not have, among those that wait in a socket: before any process is made.</summary>
    [Theory, MemberData(nameof(Engines))]
    public void A_descriptor_that_waits_is_missing(string engine) =>
        Spoiled(engine, "sk-queues", (file, bytes) =>
        {
            int rights = bytes.AsSpan().IndexOf((byte[])[0x08, 1, 0x10]);           // ScmEntry: type 1, SCM_RIGHTS; the id of a file
            Assert.True(rights > 0);
            bytes[rights + 3] = 0x7f;
            File.WriteAllBytes(file, bytes);
        }, "file 127 waits in the socket that is file", "passed");

    private void Spoiled(string engine, string image, Action<string, byte[]> spoil, string message, string workload = "counter")
    {
        Target target = Dumped(engine, workload);
        string file = Directory.GetFiles(target.Images).Where(f => Path.GetFileName(f).StartsWith(image, StringComparison.Ordinal)).Order().First();
        byte[] good = File.ReadAllBytes(file);
        spoil(file, [.. good]);
        target.Refuses(Engine.Named(engine).Restore(target.Images), message);
        target.IsGone();
        target.End();
        File.WriteAllBytes(file, good);
        target.Restore(Engine.Named(engine));
        target.GoesOn();
        target.Finish();
    }

    private Target Dumped(string engine, string workload = "counter")
    {
        Target target = Start(Workloads.Named(workload));
        target.DumpToTheEnd(Engine.Named(engine));
        return target;
    }

    internal static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : otherwise;
}
