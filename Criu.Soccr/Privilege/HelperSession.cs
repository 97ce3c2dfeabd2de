using System.Collections.Immutable;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Soccr;

/// <summary>One client of a repair helper. Nothing of what it sends is trusted.</summary>
internal sealed class HelperSession(Socket client, RepairHelperOptions options)
{
    private readonly List<SafeFileHandle> descriptors = [];
    private readonly byte[] request = new byte[HelperProtocol.RequestBytes];

    /// <summary>Serves it until it goes.</summary>
    /// <returns>Why it was sent away; null where it went by itself.</returns>
    public string? Run()
    {
        if (options.AllowedUser is { } wanted && UserOf(client) is var user && user != wanted)
            return $"it is of user {user}, not {wanted}";
        int fd = (int)client.SafeHandle.DangerousGetHandle();
        while (true)
            try
            {
                if (!SocketCalls.Await(fd, Poll.POLLIN))
                    return null;
                long length = DescriptorMessages.Receive(fd, request, descriptors, out bool isCut);
                if (length == -Errno.EAGAIN)
                    continue;
                if (length <= 0)
                    return length is 0 or -Errno.ECONNRESET ? null : $"it cannot be heard: {Errno.Name(length)}";
                if (Judge((int)length, isCut) is { } reason)
                    return reason;
            }
            finally
            {
                CloseDescriptors();
            }
    }

    private void CloseDescriptors()
    {
        descriptors.ForEach(d => d.Dispose());
        descriptors.Clear();
    }

    private static uint UserOf(Socket client)
    {
        Span<byte> credentials = stackalloc byte[12];
        client.GetRawSocketOption(Sockets.SOL_SOCKET, So.PEERCRED, credentials);
        return MemoryMarshal.Read<PeerCredentials>(credentials).User;
    }

    /// <returns>Why it is no request; null where it was answered.</returns>
    private string? Judge(int length, bool isCut)
    {
        if (length != request.Length || isCut)
            return $"it sent {length} bytes{(isCut ? " and more" : "")} where a request has {request.Length}, and at most {DescriptorMessages.Most} descriptors";
        var (magic, version, operation, valueLength, reserved) = HelperProtocol.ReadHeader(request);
        if (magic != HelperProtocol.Magic || reserved != 0 || valueLength is < 0 or > HelperProtocol.MostValueBytes)
            return "it sent something that is no request";
        if (version != HelperProtocol.Version)
        {
            Answer(operation, -Errno.EPROTONOSUPPORT, 0);
            return $"it speaks version {version}, not {HelperProtocol.Version}";
        }
        if (descriptors.Count == 0 != (operation == HelperProtocol.Mark))
            return $"it sent {descriptors.Count} descriptors with operation {operation}";
        if (operation == HelperProtocol.Keys)
            return AnswerKeys() ? null : "it does not hear the answer";
        var (result, value) = Do(operation, HelperProtocol.ValueOf(request, valueLength));
        return Answer(operation, result, value) ? null : "it does not hear the answer";
    }

    private bool Answer(ushort operation, int result, uint value)
    {
        Span<byte> answer = stackalloc byte[HelperProtocol.AnswerBytes];
        HelperProtocol.WriteAnswer(answer, operation, result, value);
        return Send(answer);
    }

    /// <summary>When a client hears the answer nobody but itself has its sockets: it may close one, and take the address again.</summary>
    private bool Send(ReadOnlySpan<byte> answer)
    {
        CloseDescriptors();
        // Who asks without listening fills the buffer some day, and must not make us wait.
        return SocketCalls.SendWhole((int)client.SafeHandle.DangerousGetHandle(), answer, Sockets.MSG_DONTWAIT);
    }

    /// <summary>Only who has the socket is told, and who may have the helper's options.</summary>
    private bool AnswerKeys()
    {
        ImmutableArray<TcpMd5Key> keys = [];
        int result = options.AllowedOptions?.Contains(PrivilegedOption.Repair) == false ? -Errno.EPERM : descriptors.Count != 1 ? -Errno.EINVAL : (int)JudgeSocket(descriptors[0]);
        if (result == 0)
            result = OwnRepairSwitch.Instance.ReadMd5Keys(descriptors[0], out keys);
        if (keys.Length > HelperProtocol.MostKeys)
            (result, keys) = (-Errno.E2BIG, []);
        byte[] bytes = HelperProtocol.Write(keys), answer = [.. new byte[HelperProtocol.AnswerBytes], .. bytes];
        HelperProtocol.WriteAnswer(answer, HelperProtocol.Keys, result, (uint)bytes.Length);
        return Send(answer);
    }

    private (int Result, uint Value) Do(ushort operation, ReadOnlySpan<byte> value)
    {
        if (operation == HelperProtocol.Mark)
            return options.Lock == null ? (-Errno.EOPNOTSUPP, 0) : (0, options.Lock.Mark);
        for (int i = 0; i < descriptors.Count; i++)
            if (JudgeSocket(descriptors[i]) is var refusal and < 0)
                return ((int)refusal, (uint)i);
        if (operation is HelperProtocol.Hold or HelperProtocol.Release)
            return (Traffic(operation == HelperProtocol.Hold, value), 0);
        var option = (PrivilegedOption)operation;
        if (PrivilegedOptions.Find(option) == null || options.AllowedOptions?.Contains(option) == false)
            return (-Errno.EPERM, 0);
        for (int i = 0; i < descriptors.Count; i++)
            if (PrivilegedOptions.Apply(descriptors[i], option, value) is var result && Kernel.Failed(result))
                return ((int)result, (uint)i);
        return (0, 0);
    }

    private static long JudgeSocket(SafeFileHandle descriptor)
    {
        var calls = new SocketCalls(descriptor.Fd(), "");
        long result = calls.TryGet(Sockets.SOL_SOCKET, So.DOMAIN, out int domain);
        if (Kernel.Failed(result))
            return result;
        calls.TryGet(Sockets.SOL_SOCKET, So.TYPE, out int type);
        calls.TryGet(Sockets.SOL_SOCKET, So.PROTOCOL, out int protocol);
        return domain is Sockets.AF_INET or Sockets.AF_INET6 && type == Sockets.SOCK_STREAM && protocol == Inet.IPPROTO_TCP ? 0 : -Errno.EPROTOTYPE;
    }

    /// <summary>Whose socket it has, whose traffic it may hold.</summary>
    private int Traffic(bool hold, ReadOnlySpan<byte> peer)
    {
        if (options.Lock is not { } held)
            return -Errno.EOPNOTSUPP;
        var flows = new HeldFlow[descriptors.Count];
        for (int i = 0; i < flows.Length; i++)
        {
            var calls = new SocketCalls(descriptors[i].Fd(), "");
            if (FlowOf(calls, hold || flows.Length > 1 ? [] : peer) is not { } flow)
                return -Errno.ENOTCONN;
            flows[i] = new HeldFlow(flow, null);        // the descriptor is gone when the request is answered
        }
        try
        {
            if (hold)
                held.Hold(flows);
            else
                held.Release(flows);
            return 0;
        }
        catch (SoccrException e)
        {
            options.Log?.Invoke(e.Message);
            return e.ErrorNumber == 0 ? -Errno.EIO : -e.ErrorNumber;
        }
    }

    private static TcpFlow? FlowOf(SocketCalls calls, ReadOnlySpan<byte> peer)
    {
        if (!calls.TryName(out var local))
            return null;
        if (calls.TryPeerName(local, out var remote))
            return new TcpFlow(local.ToEndPoint(), remote.ToEndPoint());
        return SocketAddress.TryRead(peer, out remote) && remote.Family == local.Family ? new TcpFlow(local.ToEndPoint(), remote.ToEndPoint()) : null;
    }
}
