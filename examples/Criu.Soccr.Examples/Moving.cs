using System.Diagnostics;
using System.Net.Sockets;
using Criu.Soccr;

static class Moving
{
    /// <summary>On the host that the connection leaves.</summary>
    public static byte[] Leave(Socket connection, string device)
    {
        using var held = NftablesLock.CreateOwned();
        using var paused = TcpConnection.Pause(connection, new SoccrOptions { Lock = held });
        var state = paused.Save();
        paused.Leave();
        MoveAddress("del", state, device);                                     // before the lock goes: now nobody answers for it
        return state.ToBytes();
    }

    /// <summary>On the host that it comes to.</summary>
    public static Socket Arrive(byte[] saved, string device)
    {
        var state = TcpConnectionState.FromBytes(saved);
        using var held = NftablesLock.CreateOwned();
        held.Hold([new HeldFlow(state.Flow!.Value, null)]);                    // before the address comes: what arrives now must find no closed port
        MoveAddress("add", state, device);
        using var restored = TcpConnection.Restore(state, new SoccrOptions { Lock = held });
        return restored.Resume();
    }

    private static void MoveAddress(string verb, TcpConnectionState state, string device)
    {
        // Without nodad an IPv6 address cannot be used for a second, or on lo for a moment.
        string[] arguments = ["address", verb, $"{state.Local!.Address}/{(state.IsIPv6 ? 128 : 32)}", "dev", device, .. state.IsIPv6 && verb == "add" ? (string[])["nodad"] : []];
        using var ip = Process.Start("ip", arguments);
        ip.WaitForExit();
        if (ip.ExitCode != 0)
            throw new IOException($"ip {string.Join(' ', arguments)} failed");
    }
}
