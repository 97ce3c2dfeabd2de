using System.Net;
using Linux.Abi;

namespace Criu.Soccr.Tests;

/// <summary>How a lock of nf_tables ends, who may end it, and what is said where there is none.</summary>
public sealed class LockingLifetimeTests
{
    private const string Name = "criu-soccr-test";
    private static readonly HeldFlow Some = new(new TcpFlow(IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:4000")), null);

    [Fact]
    public void An_owned_lock_is_gone_when_its_process_is_killed() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var child = new LockingChild("", pair.Flow);
        pair.IsHeld();
        string message = Assert.Throws<SoccrException>(() => NftablesLock.Open(child.Table)).Message;
        Assert.Equal($"table inet {child.Table} is owned by another process, which alone can change it", message);
        child.Kill();
        pair.ArrivesNow();
        Assert.Equal(Errno.ENOENT, Assert.Throws<SoccrException>(() => NftablesLock.Open(child.Table)).ErrorNumber);
    });

    [Fact]
    public void An_owned_lock_is_gone_when_it_is_disposed_also_where_its_socket_lives_on() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var connectionLock = NftablesLock.CreateOwned();
        using var duplicate = Kernel.Own(Kernel.Call(Nr.dup, connectionLock.Descriptor.DangerousGetHandle()));
        connectionLock.Hold([pair.Held]);
        pair.IsHeld();
        connectionLock.Dispose();
        pair.ArrivesNow();
        Assert.Throws<ObjectDisposedException>(() => connectionLock.Hold([pair.Held]));
    });

    [Fact]
    public void A_persistent_lock_outlives_its_process_and_another_releases() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        new LockingChild(Name, pair.Flow).Dispose();
        pair.IsHeld();
        using (var opened = NftablesLock.Open(Name))
        {
            Assert.Equal(0xC114u, opened.Mark);
            opened.Release([pair.Held]);
            pair.ArrivesNow();
            opened.Hold([pair.Held]);
        }
        pair.IsHeld();
        using (var again = NftablesLock.Open(Name))
        {
            again.Remove();
            again.Remove();
        }
        pair.ArrivesNow();
        Assert.Throws<SoccrException>(() => NftablesLock.Open(Name));
    });

    [Fact]
    public void A_persistent_lock_keeps_its_mark_and_may_be_opened_while_it_is_in_use() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using NftablesLock first = NftablesLock.CreatePersistent(Name, new NftablesLockOptions { Mark = 0xABCD }), second = NftablesLock.Open(Name);
        Assert.Equal(0xABCDu, second.Mark);
        first.Hold([pair.Held]);
        second.Hold([pair.Held]);
        pair.IsHeld();
        second.Release([pair.Held]);
        pair.ArrivesNow();
    });

    [Fact]
    public unsafe void A_guard_removes_a_lock_by_its_descriptor() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        foreach (var connectionLock in new[] { NftablesLock.CreateOwned(), NftablesLock.CreatePersistent(Name) })
            using (connectionLock)
            {
                connectionLock.Hold([pair.Held]);
                pair.IsHeld();
                fixed (byte* message = connectionLock.RemovalMessage.Span)
                    Assert.Equal(connectionLock.RemovalMessage.Length,
                        Kernel.Call(Nr.write, connectionLock.Descriptor.DangerousGetHandle(), (long)message, connectionLock.RemovalMessage.Length));
                pair.ArrivesNow();
                Assert.Equal(Errno.ENOENT, Assert.Throws<SoccrException>(() => connectionLock.Hold([pair.Held])).ErrorNumber);
            }
    });

    [Theory, InlineData(false), InlineData(true)]
    public void An_element_times_out(bool persistent) => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        var options = new NftablesLockOptions { Timeout = TimeSpan.FromSeconds(2) };
        using var connectionLock = persistent ? NftablesLock.CreatePersistent(Name, options) : NftablesLock.CreateOwned(options);
        connectionLock.Hold([pair.Held]);
        pair.IsHeld();
        pair.ArrivesNow();                                      // nobody released
        connectionLock.Release([pair.Held]);
        connectionLock.Hold([pair.Held]);
        pair.IsHeld();
        connectionLock.Release([pair.Held]);
        pair.ArrivesNow();
    });

    [Fact]
    public void None_is_held_where_one_cannot_be() => LockingNamespace.Run(() =>
    {
        using LockingPair pair = new(), pair6 = new("IPv6");
        using var whole = NftablesLock.CreateOwned();
        var mixed = new HeldFlow(new TcpFlow(pair.Flow.Local, pair6.Flow.Remote), null);
        Assert.Equal($"{mixed.Flow} cannot be held: one address is of IPv4, the other of IPv6", Assert.Throws<SoccrException>(() => whole.Hold([pair.Held, mixed])).Message);
        pair.Passes();

        using var partial = WithoutIPv6();                      // so that the kernel refuses the second
        partial.Hold([pair.Held]);
        pair.IsHeld();
        partial.Release([pair.Held]);
        pair.ArrivesNow();
        var e = Assert.Throws<SoccrException>(() => partial.Hold([pair.Held, pair6.Held]));
        Assert.StartsWith($"NFT_MSG_NEWSETELEM held6 of 2 connections ({pair.Flow} and others) in table inet {Name} failed: ENOENT. ", e.Message);
        pair.Passes();
        pair6.Passes();
    });

    [Fact]
    public void A_name_that_is_taken_is_refused() => LockingNamespace.Run(() =>
    {
        using var connectionLock = NftablesLock.CreatePersistent(Name);
        var e = Assert.Throws<SoccrException>(() => NftablesLock.CreatePersistent(Name));
        Assert.Equal($"NFT_MSG_NEWTABLE of table inet {Name} failed: EEXIST. A lock of this name is there already: open it, or remove it first", e.Message);
    });

    [Fact]
    public void Another_programs_table_is_not_opened() => LockingNamespace.Run(() =>
    {
        using var socket = Table(Name, (_, _) => { });
        Assert.Equal($"table inet {Name} is not a lock of ours: it does not have its comment", Assert.Throws<SoccrException>(() => NftablesLock.Open(Name)).Message);
    });

    [Fact]
    public void A_lock_that_is_gone_is_told() => LockingNamespace.Run(() =>
    {
        using var connectionLock = NftablesLock.CreatePersistent(Name);
        using (var another = NftablesLock.Open(Name))
            another.Remove();
        string expected = $"{Some.Flow} in table inet {Name} failed: ENOENT. There is no such table: it was never made in this network namespace, or somebody removed it, and nothing is held";
        Assert.Equal($"NFT_MSG_NEWSETELEM held4 of {expected}", Assert.Throws<SoccrException>(() => connectionLock.Hold([Some])).Message);
        Assert.Equal($"NFT_MSG_NEWSETELEM held4 of {expected}", Assert.Throws<SoccrException>(() => connectionLock.Release([Some])).Message);
    });

    [Fact]
    public void A_lock_belongs_to_the_namespace_in_which_it_was_made() => LockingNamespace.Run(() =>
    {
        using var pair = new LockingPair();
        using var connectionLock = NftablesLock.CreatePersistent(Name);
        LockingNamespace.Run(() =>
        {
            Assert.Throws<SoccrException>(() => NftablesLock.Open(Name));
            connectionLock.Hold([pair.Held]);
        });
        pair.IsHeld();
    });

    [Fact]
    public void An_ordinary_user_is_told_what_is_needed() => LockingNamespace.Run(() =>
    {
        const string Cure = "CAP_NET_ADMIN is needed, in the user namespace that owns this network namespace";
        using var connectionLock = NftablesLock.CreatePersistent(Name);
        LockingNamespace.BecomeOrdinaryUser();
        Assert.Matches($"^NFNL_MSG_BATCH_BEGIN of table inet criu-soccr-[0-9a-f]{{16}} failed: EPERM. {Cure}$", Assert.Throws<SoccrException>(() => NftablesLock.CreateOwned()).Message);
        Assert.Equal($"NFT_MSG_GETTABLE of the lock in table inet {Name} failed: EPERM. {Cure}", Assert.Throws<SoccrException>(() => NftablesLock.Open(Name)).Message);
        var e = Assert.Throws<SoccrException>(() => connectionLock.Hold([Some]));
        Assert.Equal($"NFNL_MSG_BATCH_BEGIN of {Some.Flow} in table inet {Name} failed: EPERM. {Cure}", e.Message);
        Assert.Equal(Errno.EPERM, e.ErrorNumber);
    });

    [Fact]
    public void Arguments_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentException>(() => NftablesLock.CreateOwned(new NftablesLockOptions { Mark = 0 }));
        Assert.Throws<ArgumentException>(() => NftablesLock.CreateOwned(new NftablesLockOptions { Timeout = TimeSpan.Zero }));
        Assert.Throws<ArgumentException>(() => NftablesLock.CreatePersistent(""));
        Assert.Throws<ArgumentException>(() => NftablesLock.CreatePersistent(new string('x', 256)));
        Assert.Throws<ArgumentException>(() => NftablesLock.Open("a\0b"));
    }

    [Fact]
    public void The_kernels_own_words_are_passed_on() => LockingNamespace.Run(() =>
    {
        Assert.Equal(0, Kernel.Failed(NetlinkSocket.TryOpen(out var socket)) ? 1 : 0);
        using var opened = socket!;
        var batch = new NfTablesBatch();
        using (batch.Message(NfTables.NFT_MSG_NEWTABLE, "NFT_MSG_NEWTABLE", Netlink.NLM_F_CREATE))
            batch.Writer.Text(NfTables.NFTA_TABLE_NAME, new string('x', 300));
        var refusal = batch.Run(opened, mayRepeat: false)!;
        Assert.Equal(Errno.ERANGE, refusal.ErrorNumber);
        Assert.NotNull(refusal.Text);
        Assert.Equal($"NFT_MSG_NEWTABLE of table inet t failed: ERANGE. The kernel says: {refusal.Text}", NfTablesErrors.OfCreation(refusal, "t", isOwned: false).Message);
    });

    [Theory]
    [InlineData("socket(AF_NETLINK, NETLINK_NETFILTER)", Errno.EPROTONOSUPPORT, false, "EPROTONOSUPPORT. This kernel lacks nf_tables")]
    [InlineData("NFNL_MSG_BATCH_BEGIN", Errno.EOPNOTSUPP, true, "EOPNOTSUPP. This kernel lacks nf_tables")]
    [InlineData("NFT_MSG_NEWTABLE with NFT_TABLE_F_OWNER", Errno.EOPNOTSUPP, true, "EOPNOTSUPP. A table with an owner needs Linux 5.12")]
    [InlineData("NFT_MSG_NEWRULE in chain in", Errno.ENOENT, false, "ENOENT. This kernel lacks nf_tables")]
    public void A_kernel_that_lacks_something_is_told(string step, int errno, bool isOwned, string expected) =>
        Assert.StartsWith($"{step} of table inet t failed: {expected}", NfTablesErrors.OfCreation(new NfTablesRefusal(step, errno, null), "t", isOwned).Message);

    /// <summary>A lock whose set for IPv6 is missing.</summary>
    private static NftablesLock WithoutIPv6()
    {
        using var whole = NftablesLock.CreatePersistent(Name);
        using var socket = Run(batch =>
        {
            const ushort NFT_MSG_DELRULE = 8, NFT_MSG_DELSET = 11;
            using (batch.Message(NFT_MSG_DELRULE, "all rules"))
                batch.Writer.Text(NfTables.NFTA_RULE_TABLE, Name);
            using (batch.Message(NFT_MSG_DELSET, "the set"))
            {
                batch.Writer.Text(NfTables.NFTA_SET_TABLE, Name);
                batch.Writer.Text(NfTables.NFTA_SET_NAME, LockTable.Set6);
            }
            LockTable.WriteRules(batch, Name, 0xC114, [FlowKey.V4]);
        });
        return NftablesLock.Open(Name);
    }

    private static NetlinkSocket Table(string name, Action<NfTablesBatch, string> more) => Run(batch =>
    {
        using (batch.Message(NfTables.NFT_MSG_NEWTABLE, "the table", Netlink.NLM_F_CREATE))
            batch.Writer.Text(NfTables.NFTA_TABLE_NAME, name);
        more(batch, name);
    });

    private static NetlinkSocket Run(Action<NfTablesBatch> content)
    {
        NetlinkSocket.TryOpen(out var socket);
        var batch = new NfTablesBatch();
        content(batch);
        Assert.Null(batch.Run(socket!, mayRepeat: false));
        return socket!;
    }
}
