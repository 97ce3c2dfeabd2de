using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Criu.Images.Proto;
using Google.Protobuf;
using Linux.Abi;

namespace Criu.Core.Resources.Files;

/// <summary>
/// Which multicast groups a socket is in. No call lists them: every group of every interface of the namespace is tried, and MCAST_MSFILTER (RFC 3678) answers for those that
/// the socket has joined, with the sources that it lets in or keeps out.
/// </summary>
internal static unsafe class MulticastGroups
{
    private const int MCAST_JOIN_GROUP = 42, MCAST_MSFILTER = 48, MostSources = 64, StorageBytes = 128;
    private const int GroupOffset = 8, ModeOffset = GroupOffset + StorageBytes, CountOffset = ModeOffset + 4, SourcesOffset = CountOffset + 4;        // struct group_filter, linux/in.h
    private const uint Exclude = 0;

    public static IEnumerable<MulticastGroupEntry> Read(SafeHandle socket, uint family)
    {
        foreach (var (number, address) in Candidates(family))
            if (ReadOne(socket, family, number, address) is { } entry)
                yield return entry;
    }

    /// <summary>Of IPv6 sockets both: one that speaks IPv4 as well may have joined its groups.</summary>
    private static IEnumerable<(int Interface, IPAddress Group)> Candidates(uint family)
    {
        foreach (var candidate in family == Sockets.AF_INET ? CandidatesOfV4() : CandidatesOfV6())
            yield return candidate;
    }

    /// <summary>/proc/net/igmp: a line for each interface, and one for each group below it, in hexadecimal as it lies in memory.</summary>
    private static IEnumerable<(int, IPAddress)> CandidatesOfV4()
    {
        int number = 0;
        foreach (string line in Lines("/proc/thread-self/net/igmp").Skip(1))
        {
            string[] words = line.Split((char[])['\t', ' ', ':'], StringSplitOptions.RemoveEmptyEntries);
            if (!char.IsWhiteSpace(line[0]))
                number = int.TryParse(words[0], CultureInfo.InvariantCulture, out int index) ? index : 0;
            else if (words.Length > 0 && uint.TryParse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint group))
                yield return (number, new IPAddress(group));
        }
    }

    /// <summary>/proc/net/igmp6: number and name of an interface, the group in 32 digits.</summary>
    private static IEnumerable<(int, IPAddress)> CandidatesOfV6()
    {
        foreach (string line in Lines("/proc/thread-self/net/igmp6"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 2 && int.TryParse(words[0], CultureInfo.InvariantCulture, out int number) && words[2].Length == 32)
                yield return (number, new IPAddress(Convert.FromHexString(words[2])));
        }
    }

    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];

    private static MulticastGroupEntry? ReadOne(SafeHandle socket, uint family, int number, IPAddress address)
    {
        Span<byte> filter = stackalloc byte[SourcesOffset + MostSources * StorageBytes];
        filter.Clear();
        MemoryMarshal.Write(filter, number);
        WriteAddress(filter[GroupOffset..], address);
        MemoryMarshal.Write(filter[CountOffset..], MostSources);
        if (Kernel.Failed(SocketCall.Get(socket, Level(family), MCAST_MSFILTER, filter)) || NetworkInterfaces.NameOf(number) is not { } name)
            return null;
        uint mode = MemoryMarshal.Read<uint>(filter[ModeOffset..]);
        int sources = Math.Min(MemoryMarshal.Read<int>(filter[CountOffset..]), MostSources);
        var entry = new MulticastGroupEntry { Address = ByteString.CopyFrom(address.GetAddressBytes()), Interface = ByteString.CopyFromUtf8(name), FilterMode = mode };
        int at = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 4 : 8, length = address.GetAddressBytes().Length;
        for (int i = 0; i < sources; i++)
            entry.Source.Add(ByteString.CopyFrom(filter.Slice(SourcesOffset + i * StorageBytes + at, length)));
        return entry;
    }

    private static int Level(uint family) => family == Sockets.AF_INET6 ? Inet.IPPROTO_IPV6 : Inet.IPPROTO_IP;

    private static void WriteAddress(Span<byte> storage, IPAddress address)
    {
        var socketAddress = Linux.Abi.SocketAddress.Of(new IPEndPoint(address, 0));
        new ReadOnlySpan<byte>(&socketAddress, socketAddress.Length).CopyTo(storage);
    }

    /// <summary>Joins a group again, and sets its sources.</summary>
    public static void Join(SafeHandle socket, InetSkEntry entry, MulticastGroupEntry group)
    {
        int number = NetworkInterfaces.NumberOf(group.Interface.ToStringUtf8());
        if (number == 0 || group.Address.Length is not (4 or 16))
            throw new CheckpointException($"the inet socket {entry.Ino} was in a multicast group of the interface {group.Interface.ToStringUtf8()}, which is not there",
                "Make the interface before the restore");
        var address = new IPAddress(group.Address.Span);
        int size = SourcesOffset + group.Source.Count * StorageBytes;
        byte[] filter = new byte[size];
        MemoryMarshal.Write(filter, number);
        WriteAddress(filter.AsSpan(GroupOffset), address);
        Check(SocketCall.Set(socket, Level(entry.Family), MCAST_JOIN_GROUP, filter.AsSpan(0, GroupOffset + StorageBytes)), entry, address, "MCAST_JOIN_GROUP");
        if (group.FilterMode == Exclude && group.Source.Count == 0)
            return;
        MemoryMarshal.Write(filter.AsSpan(ModeOffset), group.FilterMode);
        MemoryMarshal.Write(filter.AsSpan(CountOffset), group.Source.Count);
        for (int i = 0; i < group.Source.Count; i++)
            WriteAddress(filter.AsSpan(SourcesOffset + i * StorageBytes), new IPAddress(group.Source[i].Span));
        Check(SocketCall.Set(socket, Level(entry.Family), MCAST_MSFILTER, filter), entry, address, "MCAST_MSFILTER");
    }

    private static void Check(long result, InetSkEntry entry, IPAddress group, string step)
    {
        if (Kernel.Failed(result))
            throw new CheckpointException($"{step} {group} of the inet socket {entry.Ino} failed: {Errno.Name(result)}");
    }
}
