using Linux.Abi;

namespace Criu.Native;

/// <summary>
/// Starts <c>criu swrk FD</c> with one end of a socket pair. As a child of ours; or, where we dump ourselves, apart: a child that ends at once makes it, so that it belongs
/// neither to the tree that it dumps nor to our session.
/// </summary>
internal static unsafe class Swrk
{
    private const int FirstOwnFd = 3;

    private static ReadOnlySpan<byte> DefaultProgram => "criu\0"u8;

    private static ReadOnlySpan<byte> Command => "swrk\0"u8;

    private static ReadOnlySpan<byte> Root => "/\0"u8;

    private static ReadOnlySpan<byte> Nothing => "/dev/null\0"u8;

    /// <summary>Two descriptors of the server's, ends of the socket and of the pipe on which it says why it could not begin. Nobody else's programs inherit them.</summary>
    private struct Ends
    {
        public int Ours, Theirs, Said, Saying;
    }

    /// <summary>0, or a negative error of libcriu's, with errno. The program runs by then, or it could not be started and errno says why.</summary>
    public static int Start(byte* program, bool isApart, out Connection connection)
    {
        connection = default;
        Ends ends;
        long result = Make(&ends);
        if (Kernel.Failed(result))
            return Connection.Fail(-Errno.ECONNREFUSED, -result);
        int pid = Libc.Fork();
        if (pid == 0)
            Become(program, isApart, ends);
        int error = pid < 0 ? Libc.Error : 0;
        Libc.Close(ends.Theirs);
        Libc.Close(ends.Saying);
        if (pid > 0)
            Kernel.Call(Nr.read, ends.Said, (long)(&error), sizeof(int));      // end of file: the program has begun
        Libc.Close(ends.Said);
        if (pid > 0 && (isApart || error != 0))
            Kernel.Call(Nr.wait4, pid, 0, 0, 0);
        connection = new Connection(ends.Ours, isApart || error != 0 ? 0 : pid);
        if (error == 0)
            return 0;
        connection.Close();
        return Connection.Fail(-Errno.ECOMM, error);
    }

    private static long Make(Ends* ends)
    {
        long result = Kernel.Call(Nr.socketpair, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET | Sockets.SOCK_CLOEXEC, 0, (long)(&ends->Ours));
        if (Kernel.Failed(result))
            return result;
        result = Kernel.Call(Nr.pipe2, (long)(&ends->Said), Fcntl.O_CLOEXEC);
        if (!Kernel.Failed(result))
            return result;
        Libc.Close(ends->Ours);
        Libc.Close(ends->Theirs);
        return result;
    }

    /// <summary>In the child, which has this thread alone. Does not return.</summary>
    private static void Become(byte* program, bool isApart, in Ends ends)
    {
        long saying = Kernel.Call(Nr.fcntl, ends.Saying, Fcntl.F_DUPFD_CLOEXEC, FirstOwnFd);
        long theirs = Kernel.Call(Nr.fcntl, ends.Theirs, Fcntl.F_DUPFD, FirstOwnFd);
        ulong children = 1UL << (Signals.SIGCHLD - 1);
        Kernel.Call(Nr.rt_sigprocmask, Signals.SIG_UNBLOCK, (long)(&children), 0, sizeof(ulong));      // criu waits for what it makes
        if (isApart)
            GoApart(saying);
        FillStandard();
        const int Room = 12;                         // digits of an int, and a zero
        byte* place = stackalloc byte[Room], digits = place + Room - 1;
        *digits = 0;
        for (; theirs > 0; theirs /= 10)
            *--digits = (byte)('0' + theirs % 10);
        fixed (byte* byDefault = DefaultProgram, command = Command)
        {
            byte* name = program == null ? byDefault : program;
            byte** arguments = stackalloc byte*[] { name, command, digits, null };
            Libc.Execute(name, arguments);
        }
        GiveUp(saying, Libc.Error);
    }

    private static void GoApart(long saying)
    {
        int pid = Libc.Fork();
        if (pid > 0)
            Kernel.Call(Nr.exit_group, 0);
        if (pid < 0)
            GiveUp(saying, Libc.Error);
        Kernel.Call(Nr.setsid);
        fixed (byte* root = Root)
            Kernel.Call(Nr.chdir, (long)root);
    }

    /// <summary>Where one of the first three descriptors is closed, criu's first files would get their numbers, and its messages would be written into them.</summary>
    private static void FillStandard()
    {
        for (int fd = 0; fd < FirstOwnFd; fd++)
        {
            long flags = Kernel.Call(Nr.fcntl, fd, Fcntl.F_GETFD);
            if (!Kernel.Failed(flags) && (flags & Fcntl.FD_CLOEXEC) == 0)
                continue;
            fixed (byte* nothing = Nothing)
            {
                long opened = Kernel.Call(Nr.openat, Fcntl.AT_FDCWD, (long)nothing, Fcntl.O_RDWR);
                if (Kernel.Failed(opened) || opened == fd)
                    continue;
                Kernel.Call(Nr.dup3, opened, fd, 0);
                Libc.Close((int)opened);
            }
        }
    }

    private static void GiveUp(long saying, int error)
    {
        const int Failure = 127;                     // as a shell's, where a program cannot be started
        Kernel.Call(Nr.write, saying, (long)(&error), sizeof(int));
        Kernel.Call(Nr.exit_group, Failure);
    }
}
