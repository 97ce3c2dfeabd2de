using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Linux.Abi;

/// <summary>sockaddr_in or sockaddr_in6, netinet/in.h, as the kernel takes it.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct SocketAddress
{
    public const int Size = 28;

    [FieldOffset(0)] private SockaddrIn v4;
    [FieldOffset(0)] private SockaddrIn6 v6;

    public readonly int Length => v4.Family == Sockets.AF_INET ? sizeof(SockaddrIn) : Size;

    public readonly int Family => v4.Family;

    /// <summary>In network order.</summary>
    public readonly ushort Port => v4.Port;

    public readonly uint Scope => v4.Family == Sockets.AF_INET ? 0 : v6.Scope;

    /// <summary>4 bytes, or 16.</summary>
    public readonly void AddressTo(Span<byte> into)
    {
        fixed (SocketAddress* a = &this)
            new ReadOnlySpan<byte>(a->v4.Family == Sockets.AF_INET ? (byte*)&a->v4.Address : a->v6.Address, a->v4.Family == Sockets.AF_INET ? 4 : 16).CopyTo(into);
    }

    public static SocketAddress Of(IPEndPoint end)
    {
        var address = new SocketAddress();
        ushort port = BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)end.Port) : (ushort)end.Port;
        if (end.AddressFamily == AddressFamily.InterNetwork)
        {
            address.v4 = new SockaddrIn { Family = Sockets.AF_INET, Port = port };
            end.Address.TryWriteBytes(new Span<byte>(&address.v4.Address, 4), out _);
            return address;
        }
        address.v6.Family = Sockets.AF_INET6;
        address.v6.Port = port;
        end.Address.TryWriteBytes(new Span<byte>(address.v6.Address, 16), out _);
        address.v6.Scope = (uint)end.Address.ScopeId;
        return address;
    }

    /// <param name="bytes">4 of IPv4, 16 of IPv6; without a scope.</param>
    /// <param name="port">In network order.</param>
    public static SocketAddress Of(ReadOnlySpan<byte> bytes, ushort port)
    {
        var address = new SocketAddress();
        if (bytes.Length == sizeof(uint))
        {
            address.v4 = new SockaddrIn { Family = Sockets.AF_INET, Port = port, Address = MemoryMarshal.Read<uint>(bytes) };
            return address;
        }
        (address.v6.Family, address.v6.Port) = (Sockets.AF_INET6, port);
        bytes.CopyTo(new Span<byte>(address.v6.Address, 16));
        return address;
    }

    public readonly byte[] ToBytes()
    {
        fixed (SocketAddress* a = &this)
            return new ReadOnlySpan<byte>(a, Length).ToArray();
    }

    /// <summary>What somebody else has written.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SocketAddress address)
    {
        address = default;
        fixed (SocketAddress* a = &address)
            bytes[..Math.Min(bytes.Length, Size)].CopyTo(new Span<byte>(a, Size));
        return address.Family is Sockets.AF_INET or Sockets.AF_INET6 && bytes.Length == address.Length;
    }

    public readonly IPEndPoint ToEndPoint()
    {
        int port = BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(v4.Port) : v4.Port;
        fixed (SocketAddress* a = &this)
            return a->v4.Family == Sockets.AF_INET
                ? new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(&a->v4.Address, 4)), port)
                : new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(a->v6.Address, 16), a->v6.Scope), port);
    }
}
