using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Criu.Soccr.Tests.Harness;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>A restore is killed just where its connection is out of repair mode: when it has written what was never sent. Nothing of it may stay, so that it can be restored again.</summary>
public sealed class KilledRestoreTests
{
    private const string Variable = "CRIU_SOCCR_KILLED_RESTORE", Table = "criu-soccr-killed";
    private const int Bytes = 512 << 10, PeersBuffer = 64 << 10, Killed = 128 + 9;

    [Fact]
    public void Nothing_stays_of_a_connection_whose_unsent_bytes_were_just_written() => LockingNamespace.Run(() =>
    {
        string file = Path.GetTempFileName();
        var (socket, peer) = OptionTests.Connected(isIPv6: false);
        using (peer)
        using (var connectionLock = NftablesLock.CreatePersistent(Table))
            try
            {
                var options = new SoccrOptions { Lock = connectionLock };
                peer!.ReceiveBufferSize = PeersBuffer;
                socket.SendBufferSize = 2 * Bytes;
                socket.Blocking = false;
                int sent = socket.Send(Peer.Sequence(0, Bytes));
                TcpConnectionState saved;
                using (var paused = TcpConnection.Pause(socket, options))
                {
                    saved = paused.Save();
                    paused.Leave();
                }
                Assert.True(saved.UnsentBytes > 0);
                File.WriteAllBytes(file, saved.ToBytes());
                Assert.Equal(Killed, RunChild(file));

                using var restored = TcpConnection.Restore(saved, options);
                using var again = restored.Resume();
                again.Blocking = false;
                byte[] got = new byte[sent];
                peer.ReceiveTimeout = 20_000;
                for (int at = 0; at < sent;)
                    at += peer.Receive(got.AsSpan(at));
                Assert.Equal(Peer.Sequence(0, sent), got);
            }
            finally
            {
                connectionLock.Remove();
                File.Delete(file);
            }
    });

    private static int RunChild(string file)
    {
        using var child = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(KilledRestoreTests).Assembly.Location]) { Environment = { [Variable] = file } })!;
        Assert.True(child.WaitForExit(60_000));
        return child.ExitCode;
    }

    /// <summary>Before Main, which runs tests.</summary>
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } file)
            return;
        TcpConnection.Restore(TcpConnectionState.FromBytes(File.ReadAllBytes(file)), new SoccrOptions { Lock = NftablesLock.Open(Table), RepairSwitch = new KillingSwitch() });
        Environment.Exit(0);
    }

    /// <summary>Kills this process instead of switching repair mode on once more.</summary>
    private sealed class KillingSwitch : IRepairSwitch
    {
        private bool wasOff;

        public int Switch(SafeHandle socket, RepairMode mode)
        {
            if (wasOff && mode == RepairMode.On)
                Process.GetCurrentProcess().Kill();
            wasOff |= mode == RepairMode.OffQuietly;
            return OwnRepairSwitch.Instance.Switch(socket, mode);
        }

        public int Set(SafeHandle socket, PrivilegedOption option, ReadOnlySpan<byte> value) => OwnRepairSwitch.Instance.Set(socket, option, value);

        public int ReadMd5Keys(SafeHandle socket, out ImmutableArray<TcpMd5Key> keys) => OwnRepairSwitch.Instance.ReadMd5Keys(socket, out keys);
    }
}
