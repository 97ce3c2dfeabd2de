using System.Text;
using Criu.Images.Json;
using Criu.Images.Proto;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images.Tests;

/// <summary>The example in the README of the library is the one here, and prints what is said there.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void The_example_prints_what_the_readme_says()
    {
        using var directory = new TemporaryDirectory();
        using var output = new StringWriter { NewLine = "\n" };
        Run(directory.Path, output);
        Assert.Equal(Block("README.md", "prints\n\n```\n", "```\n"), output.ToString());
    }

    [Fact]
    public void The_example_is_that_of_the_readme()
    {
        string code = Block("ReadmeTests.cs", "        // <example>\n", "        // </example>\n");
        IEnumerable<string> lines = code.Split('\n').Select(line => line.Length > 8 ? line[8..] : line.Trim());
        Assert.Equal(Block("README.md", "```csharp\n", "```\n"), string.Join('\n', lines));
    }

    private static void Run(string path, TextWriter output)
    {
        // <example>
        // Write a set: nothing of it can be seen before the commit, and the inventory appears last.
        using (ImageDirectory images = ImageDirectory.Create(path))
        {
            images.WriteSingle(ImageKind.Fs, 42, new FsEntry { CwdId = 1, RootId = 2, Umask = 0x12 });
            using (ImageWriter pipes = images.CreateImage(ImageKind.PipesData))
            {
                pipes.Write(new PipeDataEntry { PipeId = 7, Bytes = 5 });
                pipes.WritePayload("hello"u8);
            }
            using (SafeFileHandle pages = images.CreateRaw(ImageKind.Pages, 1))
            using (var pagemap = new PagemapWriter(images, ImageKind.Pagemap, 42, pagesId: 1))
            {
                RandomAccess.Write(pages, new byte[2 * 4096], 0);
                pagemap.Write(0x400000, 2, PagemapFlags.Present);
            }
            images.WriteSingle(ImageKind.Inventory, 0, new InventoryEntry { ImgVersion = 2 });
            images.Commit();
        }

        // Read it.
        using ImageDirectory read = ImageDirectory.Open(path);
        FsEntry fs = read.ReadSingle<FsEntry>(ImageKind.Fs, 42);
        using (ImageReader pipes = read.OpenImage(ImageKind.PipesData))
            while (pipes.TryRead(out PipeDataEntry? entry))
                output.WriteLine($"pipe {entry.PipeId}: {Encoding.ASCII.GetString(pipes.ReadPayload(entry.Bytes))}");
        using (PagemapChain chain = PagemapChain.Open(read, ImageKind.Pagemap, 42))
            foreach (PageRun run in chain.Runs())
                output.WriteLine($"{run.Pages} pages at 0x{run.Address:x}: byte {run.FileOffset} of {run.Source}");

        // Show it as crit does.
        using FileStream image = File.OpenRead(Path.Combine(path, "fs-42.img"));
        using var json = new MemoryStream();
        CritJson.Decode(image, json, new CritOptions());
        output.WriteLine(Encoding.ASCII.GetString(json.ToArray()));
        // </example>
    }

    // What stands between the first two such lines.
    private static string Block(string file, string begin, string end)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file));
        int start = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        return text[start..text.IndexOf(end, start, StringComparison.Ordinal)];
    }
}
