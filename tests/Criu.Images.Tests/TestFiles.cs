using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Criu.Images.Tests;

internal static class TestFiles
{
    public static void Link(string target, string name) => Run("ln", target, name);

    public static long OpenAndMeasure(this IImageStore store, ImageKind kind, ulong number)
    {
        using SafeFileHandle file = store.TryOpen(ImageCatalog.Of(kind).FileName(number))!;
        return RandomAccess.GetLength(file);
    }

    public static void Run(string program, params string[] arguments) => Assert.Equal(0, ExitCode(program, arguments));

    public static int ExitCode(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        TestContext.Current.TestOutputHelper?.WriteLine(error);
        return process.ExitCode;
    }
}

/// <summary>A file system of its own, so small that it gets full, or read-only.</summary>
internal sealed class SmallFileSystem : IDisposable
{
    private readonly TemporaryDirectory mountPoint = new();

    public SmallFileSystem(string options)
    {
        if (TestFiles.ExitCode("mount", "-t", "tmpfs", "-o", options, "tmpfs", mountPoint.Path) == 0)
            return;
        mountPoint.Dispose();
        Assert.Skip("mounting a tmpfs needs CAP_SYS_ADMIN");
    }

    public string Path => mountPoint.Path;

    public string[] Names => mountPoint.Names;

    public void Dispose()
    {
        TestFiles.Run("umount", mountPoint.Path);
        mountPoint.Dispose();
    }
}
