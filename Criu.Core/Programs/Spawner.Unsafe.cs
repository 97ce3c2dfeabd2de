using System.Collections;
using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Programs;

/// <summary>
/// Starts every other program. Each begins as from a shell: SIGPIPE, which the runtime ignores, has its default disposition, and nothing of ours is inherited.
/// </summary>
public static unsafe partial class Spawner
{
    // The opaque types of spawn.h are smaller than this in every C library for Linux.
    private const int OpaqueBytes = 1024;
    private const short POSIX_SPAWN_SETSIGDEF = 4, POSIX_SPAWN_SETSID = 0x80;      // spawn.h
    private const int SignalSetBytes = 128;                                        // sigset_t of the C libraries

    /// <summary>Starts a program and waits for its end.</summary>
    /// <param name="program">What to start.</param>
    /// <exception cref="CheckpointException">It cannot be started.</exception>
    public static ProgramEnd Run(ProgramStart program)
    {
        int pid = Start(program);
        return Await(pid);
    }

    /// <summary>Starts a program, and answers its pid: it is a child of ours, to be waited for.</summary>
    /// <param name="program">What to start.</param>
    /// <exception cref="CheckpointException">It cannot be started.</exception>
    public static int Start(ProgramStart program)
    {
        byte* actions = stackalloc byte[OpaqueBytes], attributes = stackalloc byte[OpaqueBytes];
        posix_spawn_file_actions_init(actions);
        posix_spawnattr_init(attributes);
        try
        {
            var moved = AddDescriptors(program, actions);
            try
            {
                SetAttributes(program, attributes);
                return Start(program, actions, attributes);
            }
            finally
            {
                moved.ForEach(descriptor => descriptor.Dispose());
            }
        }
        finally
        {
            posix_spawnattr_destroy(attributes);
            posix_spawn_file_actions_destroy(actions);
        }
    }

    /// <summary>Waits for a child of ours.</summary>
    /// <param name="pid">Its pid.</param>
    /// <exception cref="CheckpointException">It is no child of ours.</exception>
    public static ProgramEnd Await(int pid)
    {
        long result = TryAwait(pid, out var end);
        return !Kernel.Failed(result) ? end
            : throw new CheckpointException($"The end of process {pid} cannot be waited for: {Errno.Name(result)}", "Let SIGCHLD have its default disposition") { ErrorNumber = (int)-result };
    }

    /// <summary>The same for a child that was made to send its parent no signal, or another than SIGCHLD, too.</summary>
    /// <returns>0, or -errno.</returns>
    internal static long TryAwait(int pid, out ProgramEnd end)
    {
        const int P_PID = 1, WEXITED = 4;
        int* info = stackalloc int[32];                  // siginfo_t: si_code is the third word, si_status the seventh
        long result = Kernel.Call(Nr.waitid, P_PID, pid, (long)info, WEXITED | Sched.WALL, 0);
        end = new ProgramEnd(info[2], info[6]);
        return result;
    }

    /// <summary>Becomes another program, which keeps our pid, our children and our standard descriptors.</summary>
    /// <param name="command">Its name, looked for in PATH, and its arguments.</param>
    /// <exception cref="CheckpointException">It cannot: we are still ourselves.</exception>
    public static void Become(IReadOnlyList<string> command)
    {
        KernelSigaction fresh = default;
        Kernel.Call(Nr.rt_sigaction, Signals.SIGPIPE, (long)(&fresh), 0, sizeof(ulong));
        using var argv = new CStrings([.. command]);
        fixed (byte* path = Kernel.CString(command[0]))
            execvp(path, argv.Start);
        int error = Marshal.GetLastSystemError();
        throw new CheckpointException($"{command[0]} cannot be started: {Errno.Name(error)}", Advice(error)) { ErrorNumber = error };
    }

    private static int Start(ProgramStart program, byte* actions, byte* attributes)
    {
        using var argv = new CStrings([.. program.Arguments]);
        using var environment = new CStrings(Environment(program));
        int pid, error;
        fixed (byte* path = Kernel.CString(program.Path))
            error = posix_spawnp(&pid, path, actions, attributes, argv.Start, environment.Start);
        return error == 0 ? pid : throw new CheckpointException($"{program.Path} cannot be started: {Errno.Name(error)}", Advice(error)) { ErrorNumber = error };
    }

    private static string? Advice(int error) => error switch
    {
        Errno.ENOENT => "Name a file that exists, with an interpreter that exists",
        Errno.EACCES => "Make it executable",
        Errno.ENOEXEC => "Let a script begin with #! and its interpreter",
        _ => null,
    };

    /// <summary>
    /// 0, 1, 2, what is kept, and nothing else. A descriptor that stays where it is must lose its close-on-exec flag, which a copy onto its own number does; one that is in the way is moved up first.
    /// </summary>
    private static List<SafeFileHandle> AddDescriptors(ProgramStart program, byte* actions)
    {
        var moved = new List<SafeFileHandle>();
        int input = program.Input < 0 ? OpenNull(moved) : MoveUp(program.Input, moved), output = IsOpen(program.Output) ? MoveUp(program.Output, moved) : input;
        posix_spawn_file_actions_adddup2(actions, input, 0);
        posix_spawn_file_actions_adddup2(actions, output, 1);
        posix_spawn_file_actions_adddup2(actions, output, 2);
        int first = 3;
        foreach (int fd in program.Keep.Where(fd => fd > 2).Order())
        {
            for (; first < fd; first++)
                posix_spawn_file_actions_addclose(actions, first);
            posix_spawn_file_actions_adddup2(actions, fd, fd);
            first = fd + 1;
        }
        posix_spawn_file_actions_addclosefrom_np(actions, first);
        if (program.Directory != null)
            fixed (byte* directory = Kernel.CString(program.Directory))
                posix_spawn_file_actions_addchdir_np(actions, directory);
        return moved;
    }

    /// <summary>Whoever started us may have closed the standard ones.</summary>
    private static bool IsOpen(int fd)
    {
        const long F_GETFD = 1;
        return !Kernel.Failed(Kernel.Call(Nr.fcntl, fd, F_GETFD));
    }

    private static int OpenNull(List<SafeFileHandle> moved)
    {
        long fd = Kernel.Open("/dev/null", Fcntl.O_RDWR);
        if (Kernel.Failed(fd))
            throw new CheckpointException($"/dev/null cannot be opened: {Errno.Name(fd)}");
        moved.Add(Kernel.Own(fd));
        return MoveUp((int)fd, moved);
    }

    private static int MoveUp(int fd, List<SafeFileHandle> moved)
    {
        if (fd > 2)
            return fd;
        const long F_DUPFD_CLOEXEC = 1030;
        long copy = Kernel.Call(Nr.fcntl, fd, F_DUPFD_CLOEXEC, 3);
        if (Kernel.Failed(copy))
            throw new CheckpointException($"Descriptor {fd} cannot be given to a program: {Errno.Name(copy)}");
        moved.Add(Kernel.Own(copy));
        return (int)copy;
    }

    /// <summary>A program that ignored SIGPIPE would not end when its reader does.</summary>
    private static void SetAttributes(ProgramStart program, byte* attributes)
    {
        byte* set = stackalloc byte[SignalSetBytes];
        sigemptyset(set);
        sigaddset(set, Signals.SIGPIPE);
        posix_spawnattr_setsigdefault(attributes, set);
        posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGDEF | (program.OwnSession ? POSIX_SPAWN_SETSID : 0)));
    }

    private static string[] Environment(ProgramStart program)
    {
        var variables = new Dictionary<string, string?>();
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
            variables[(string)variable.Key] = (string?)variable.Value;
        foreach (var (name, value) in program.Environment)
            variables[name] = value;
        return [.. from variable in variables where variable.Value != null select $"{variable.Key}={variable.Value}"];
    }

    [LibraryImport("libc")]
    private static partial int execvp(byte* file, byte** argv);

    [LibraryImport("libc")]
    private static partial int posix_spawnp(int* pid, byte* file, void* actions, void* attributes, byte** argv, byte** environment);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int number);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addclose(void* actions, int fd);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int first);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addchdir_np(void* actions, byte* directory);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(void* attributes, void* set);

    [LibraryImport("libc")]
    private static partial int sigemptyset(void* set);

    [LibraryImport("libc")]
    private static partial int sigaddset(void* set, int signal);

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
