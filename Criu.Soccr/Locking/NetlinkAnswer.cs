using System.Runtime.InteropServices;
using System.Text;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>The kernel's answer to one message.</summary>
/// <param name="Sequence">Of the message that is answered.</param>
/// <param name="ErrorNumber">Positive; 0 for "done".</param>
/// <param name="Text">What the kernel says besides (NLMSGERR_ATTR_MSG), where it does.</param>
internal readonly record struct NetlinkAnswer(uint Sequence, int ErrorNumber, string? Text)
{
    /// <summary>Of a whole message of type NLMSG_ERROR: the error, the header of what is answered, then attributes.</summary>
    public static NetlinkAnswer Parse(ReadOnlySpan<byte> message)
    {
        var header = MemoryMarshal.Read<NetlinkHeader>(message);
        var error = MemoryMarshal.Read<NetlinkError>(message[16..]);
        // We ask for NETLINK_CAP_ACK. Without it the answered message follows in full, up to 64 KB of elements.
        int attributes = 36 + ((header.Flags & Netlink.NLM_F_CAPPED) != 0 ? 0 : (int)Math.Max(0, error.Message.Length - 16) + 3 & ~3);
        string? text = null;
        if ((header.Flags & Netlink.NLM_F_ACK_TLVS) != 0 && attributes <= message.Length && TryFind(message[attributes..], Netlink.NLMSGERR_ATTR_MSG, out var words))
            text = Encoding.UTF8.GetString(words.TrimEnd((byte)0));
        return new NetlinkAnswer(error.Message.Sequence, -error.Error, text);
    }

    /// <summary>The first attribute of a type.</summary>
    public static bool TryFind(ReadOnlySpan<byte> attributes, ushort type, out ReadOnlySpan<byte> value)
    {
        while (attributes.Length >= 4)
        {
            var attribute = MemoryMarshal.Read<NetlinkAttribute>(attributes);
            if (attribute.Length < 4 || attribute.Length > attributes.Length)
                break;
            value = attributes[4..attribute.Length];
            if (attribute.Type == type)
                return true;
            attributes = attributes[Math.Min(attributes.Length, attribute.Length + 3 & ~3)..];
        }
        value = default;
        return false;
    }
}
