using System.Buffers.Text;

namespace Criu.Core.Proc;

/// <summary>Targets of the links below <c>ns/</c> and <c>fd/</c> that are no paths: <c>net:[4026531840]</c>, <c>socket:[1234]</c>.</summary>
internal static class KernelLink
{
    /// <summary>The inode number of <c>kind:[N]</c>; false where the link is anything else, such as a file of that odd name (it has a '/').</summary>
    public static bool TryInode(KernelPath link, ReadOnlySpan<byte> kind, out ulong inode)
    {
        inode = 0;
        var text = link.Span;
        return text.StartsWith(kind) && TryInode(text[kind.Length..], out inode);
    }

    /// <summary>The same for any kind.</summary>
    public static bool TryInode(KernelPath link, out ulong inode)
    {
        inode = 0;
        int colon = link.Span.IndexOf((byte)':');
        return colon > 0 && TryInode(link.Span[colon..], out inode);
    }

    // :[1234]
    private static bool TryInode(ReadOnlySpan<byte> text, out ulong inode)
    {
        inode = 0;
        return text.StartsWith(":["u8) && Utf8Parser.TryParse(text[2..], out inode, out int used) && text[(2 + used)..].SequenceEqual("]"u8);
    }
}
