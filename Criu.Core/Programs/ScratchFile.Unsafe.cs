using System.Text;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Programs;

/// <summary>What a program reads and prints, in memory (memfd_create(2)): no pipe that somebody must read while it runs.</summary>
internal static unsafe class ScratchFile
{
    public static SafeFileHandle Make(byte[] content)
    {
        long fd;
        fixed (byte* label = "criu"u8)
            fd = Kernel.Call(Nr.memfd_create, (long)label, Fcntl.MFD_CLOEXEC);
        if (Kernel.Failed(fd))
            throw new CheckpointException($"no file in memory can be made: {Errno.Name(fd)}");
        var file = Kernel.Own(fd);
        RandomAccess.Write(file, content, 0);
        return file;
    }

    public static string Read(SafeFileHandle file)
    {
        byte[] text = new byte[RandomAccess.GetLength(file)];
        return Encoding.UTF8.GetString(text, 0, RandomAccess.Read(file, text, 0)).Trim();
    }
}
