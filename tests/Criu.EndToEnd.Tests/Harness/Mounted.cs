using System.Runtime.InteropServices;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>A small file system over a folder, for a disk that is full or that cannot be written.</summary>
internal sealed class Mounted : IDisposable
{
    private const nuint ReadOnly = 1;
    private const int Detach = 2;
    private readonly string _folder;

    private Mounted(string folder, nuint flags, string options)
    {
        _folder = folder;
        if (Libc.mount("none", folder, "tmpfs", flags, options) != 0)
            throw new InvalidOperationException($"mount over {folder}: error {Marshal.GetLastPInvokeError()}");
    }

    public static Mounted Small(string folder, int kilobytes) => new(folder, 0, $"size={kilobytes}k");

    public static Mounted NotWritable(string folder) => new(folder, ReadOnly, "size=4k");

    public void Dispose() => _ = Libc.umount2(_folder, Detach);
}
