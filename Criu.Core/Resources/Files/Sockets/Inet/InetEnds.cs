using System.Net;
using System.Runtime.InteropServices;
using Criu.Images.Proto;
using Google.Protobuf.Collections;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>Addresses in the image: ports in host order, addresses as they lie in memory, in words of 32 bits.</summary>
internal static class InetEnds
{
    public static int Words(uint family) => family == Sockets.AF_INET6 ? 4 : 1;

    /// <summary>Both ends; null is all zeros.</summary>
    public static void Write(InetSkEntry entry, IPEndPoint? local, IPEndPoint? remote)
    {
        (entry.SrcPort, entry.DstPort) = ((uint)(local?.Port ?? 0), (uint)(remote?.Port ?? 0));
        Write(entry.SrcAddr, local, entry.Family);
        Write(entry.DstAddr, remote, entry.Family);
    }

    private static void Write(RepeatedField<uint> words, IPEndPoint? end, uint family)
    {
        Span<uint> address = stackalloc uint[4];
        address.Clear();
        end?.Address.TryWriteBytes(MemoryMarshal.AsBytes(address), out _);
        words.Clear();
        foreach (uint word in address[..Words(family)])
            words.Add(word);
    }

    /// <summary>Our end; null where it is not bound.</summary>
    public static IPEndPoint? Local(InetSkEntry entry) => Read(entry.SrcAddr, entry.SrcPort, entry, "src_addr");

    /// <summary>The peer's; null where there is none.</summary>
    public static IPEndPoint? Remote(InetSkEntry entry) => Read(entry.DstAddr, entry.DstPort, entry, "dst_addr");

    /// <summary>A port, or an address other than 0, is an end: raw sockets have no ports.</summary>
    private static IPEndPoint? Read(RepeatedField<uint> words, uint port, InetSkEntry entry, string field)
    {
        int count = Words(entry.Family);
        if (words.Count < count || port > ushort.MaxValue)
            throw new CheckpointException($"files.img: {field} of the inet socket {entry.Ino} has {words.Count} words, and its port is {port}: that is no address of family {entry.Family}",
                "The image is damaged: take another dump");
        Span<uint> address = stackalloc uint[4];
        for (int i = 0; i < count; i++)
            address[i] = words[i];
        return port == 0 && !address[..count].ContainsAnyExcept(0u) ? null : new IPEndPoint(new IPAddress(MemoryMarshal.AsBytes(address[..count])), (int)port);
    }

    /// <summary>A link-local address belongs to an interface, whose number may be another one here.</summary>
    public static IPEndPoint? WithScope(IPEndPoint? end, InetSkEntry entry)
    {
        if (end is not { Address.IsIPv6LinkLocal: true } || entry.Ifname.IsEmpty)
            return end;
        string name = entry.Ifname.ToStringUtf8();
        int index = NetworkInterfaces.NumberOf(name);
        return index > 0 ? new IPEndPoint(new IPAddress(end.Address.GetAddressBytes(), index), end.Port)
            : throw new CheckpointException($"the inet socket {entry.Ino} was bound to {end.Address} of the interface {name}, which is not there", "Make the interface before the restore");
    }
}
