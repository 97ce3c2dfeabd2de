using System.Text;

namespace Linux.Abi;

/// <summary>struct sockaddr_un, linux/un.h.</summary>
internal static class UnixAddress
{
    /// <summary>Bytes of a path, for which sun_path has one more: its NUL.</summary>
    public const int LongestPath = 107;

    /// <summary>Null where the path is longer.</summary>
    public static byte[]? TryMake(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path);
        return name.Length <= LongestPath ? [Sockets.AF_UNIX, 0, .. name, 0] : null;
    }
}
