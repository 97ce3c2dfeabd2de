using System.Collections;
using System.Runtime.InteropServices;
using Criu.Core;
using Linux.Abi;

namespace Criu.Cli.Commands;

/// <summary>Starts this program again. What has no close-on-exec flag is inherited, and only that.</summary>
internal static unsafe partial class OwnProgram
{
    public static int Start(params string[] args)
    {
        // Under CoreCLR the program is dotnet, and what it runs its first argument.
        string assembly = Path.Combine(AppContext.BaseDirectory, "criu.dll");
        bool isHosted = Path.GetFileName(Environment.ProcessPath) == "dotnet" && File.Exists(assembly);
        using var argv = new CStrings(isHosted ? ["dotnet", assembly, .. args] : ["criu", .. args]);
        using var environment = new CStrings([.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => $"{variable.Key}={variable.Value}")]);
        int pid, error;
        fixed (byte* path = "/proc/self/exe"u8)
            error = posix_spawn(&pid, path, null, null, argv.Start, environment.Start);
        return error == 0 ? pid : throw new CheckpointException($"criu cannot be started again: {Errno.Name(error)}");
    }

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** argv, byte** environment);

    /// <summary>Strings as execve(2) takes them.</summary>
    private readonly struct CStrings : IDisposable
    {
        private readonly int count;

        public CStrings(string[] strings)
        {
            count = strings.Length;
            Start = (byte**)NativeMemory.AllocZeroed((nuint)(count + 1), (nuint)sizeof(byte*));
            for (int i = 0; i < count; i++)
                Start[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        public byte** Start { get; }

        public void Dispose()
        {
            for (int i = 0; i < count; i++)
                Marshal.FreeCoTaskMem((nint)Start[i]);
            NativeMemory.Free(Start);
        }
    }
}
