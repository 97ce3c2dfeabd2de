using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Criu.Benchmarks;

/// <summary>
/// A child to look at: this program again, with memory laid out as asked. It tells the range and then only waits; it ends when its standard input does,
/// so it outlives nobody.
/// </summary>
internal sealed partial class Subject : IDisposable
{
    public const string Word = "subject";

    private const int PageSize = 4096, ReadWrite = 3, ReadOnly = 1, PrivateAnonymous = 0x22;

    private readonly Process process;

    private Subject(string layout, int size)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string word in (string[])[Word, layout, size.ToString(CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(word);
        process = Process.Start(start)!;
        string[] range = process.StandardOutput.ReadLine()!.Split(' ');
        (Start, End) = (ulong.Parse(range[0], CultureInfo.InvariantCulture), ulong.Parse(range[1], CultureInfo.InvariantCulture));
    }

    public int Pid => process.Id;

    /// <summary>First address of the range, and the one after its last.</summary>
    public ulong Start { get; }
    public ulong End { get; }

    /// <summary>One mapping, every page written, all pages different.</summary>
    public static Subject WithMemory(int mebibytes) => new("memory", mebibytes);

    /// <summary>So many mappings side by side, one page of each written, protections taking turns.</summary>
    public static Subject WithMappings(int count) => new("mappings", count);

    public static int Run(string[] words)
    {
        int size = int.Parse(words[1], CultureInfo.InvariantCulture);
        long bytes = words[0] == "memory" ? (long)size << 20 : size * 2L * PageSize;
        nint start = mmap(0, (nuint)bytes, ReadWrite, PrivateAnonymous, -1, 0);
        Touch(start, bytes);
        if (words[0] == "mappings")
            for (long at = 0; at < bytes; at += 4 * PageSize)
                _ = mprotect((nint)(start + at), 2 * PageSize, ReadOnly);
        Console.WriteLine($"{start} {start + bytes}");
        while (Console.Read() >= 0)
            ;
        return 0;
    }

    private static unsafe void Touch(nint start, long bytes)
    {
        ulong value = 1;
        for (ulong* word = (ulong*)start, end = (ulong*)(start + bytes); word < end; word++)
            *word = value = value * 6364136223846793005 + 1442695040888963407;
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);
}
