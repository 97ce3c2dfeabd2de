using Criu.EndToEnd.Tests.Harness;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Rpc.Tests.Harness;

internal static class Programs
{
    /// <summary>The native binary; before it is built, the assembly that came with the tests.</summary>
    public static string[] Criu => Environment.GetEnvironmentVariable("CRIU_BINARY") is { Length: > 0 } binary ? [binary]
        : File.Exists(Path.Combine(Places.Artifacts, "criu")) ? [Path.Combine(Places.Artifacts, "criu")]
        : ["dotnet", Path.Combine(AppContext.BaseDirectory, "criu.dll")];

    public static SafeFileHandle OpenDirectory(string path) => Kernel.Own(Kernel.Open(path, Fcntl.O_RDONLY | Fcntl.O_DIRECTORY));

    public static ByteString Text(string text) => ByteString.CopyFromUtf8(text);
}
