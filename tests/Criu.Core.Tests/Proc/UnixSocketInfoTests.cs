using Criu.Core.Proc;
using Linux.Abi;

namespace Criu.Core.Tests.Proc;

/// <summary>Answers of sock_diag about unix sockets.</summary>
public sealed class UnixSocketInfoTests
{
    // struct unix_diag_msg: family, type, state, pad, inode, cookie
    private static readonly byte[] Listener = [1, 1, 10, 0, 0x39, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

    private static byte[] Attribute(ushort type, params byte[] value) =>
        [.. BitConverter.GetBytes((ushort)(4 + value.Length)), .. BitConverter.GetBytes(type), .. value, .. new byte[-value.Length & 3]];

    [Fact]
    public void AListener()
    {
        var info = UnixSocketInfo.Parse([.. Listener, .. Attribute(SockDiag.UNIX_DIAG_NAME, "/a/b\0"u8.ToArray()), .. Attribute(SockDiag.UNIX_DIAG_VFS, 7, 0, 0, 0, 1, 0, 0xe0, 0xf),
            .. Attribute(SockDiag.UNIX_DIAG_ICONS, 5, 0, 0, 0, 0, 0, 0, 0), .. Attribute(SockDiag.UNIX_DIAG_RQLEN, 2, 0, 0, 0, 9, 0, 0, 0), .. Attribute(SockDiag.UNIX_DIAG_SHUTDOWN, 3)]);

        Assert.NotNull(info);
        Assert.Equal((12345u, Sockets.SOCK_STREAM, SocketStates.LISTEN, 3), (info.Inode, info.Type, info.State, info.Shutdown));
        Assert.Equal("/a/b\0"u8, info.Name);
        Assert.Equal((7u, 0xfe00001u), info.File);
        Assert.Equal([5, 0], info.Waiting);
        Assert.Equal((2u, 9u, null), (info.ReceiveQueue, info.SendQueue, info.Peer));
    }

    [Fact]
    public void WhatIsCutShort()
    {
        Assert.Null(UnixSocketInfo.Parse(Listener.AsSpan(0, 12)));
        Assert.Null(UnixSocketInfo.Parse([.. Listener, 9, 0, 0, 0]));
        Assert.Null(UnixSocketInfo.Parse([.. Listener, 2, 0, 0, 0]));
        Assert.Null(UnixSocketInfo.Parse([.. Listener, .. Attribute(SockDiag.UNIX_DIAG_PEER, 1, 2)]));
    }

    [Fact]
    public void ALivingOne()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Dgram, 0);
        uint inode = (uint)Criu.Core.Resources.Files.OpenFile.StatOf(new Microsoft.Win32.SafeHandles.SafeFileHandle(socket.Handle, ownsHandle: false)).Inode;
        var info = UnixDiagCall.ReadAll()[inode];
        Assert.Equal((Sockets.SOCK_DGRAM, SocketStates.CLOSE), (info.Type, info.State));
        Assert.Empty(info.Name);
    }
}
