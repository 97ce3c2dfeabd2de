using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// Drops the packets of held connections, both ways, in a table of nf_tables of our own; the peer's TCP and ours send them again later. Thousands of connections are held in
/// one transaction. The lock belongs to the network namespace of the thread that makes it, and stays there, whichever thread uses it; it may be used by several at a time.
/// Needs CAP_NET_ADMIN in the user namespace that owns the network namespace. ICMP is not held.
/// </summary>
public sealed class NftablesLock : IConnectionLock
{
    /// <summary>The mark whose packets pass unless options say otherwise: CRIU's.</summary>
    public const uint DefaultMark = 0xC114;

    private readonly Lock gate = new();
    private readonly NetlinkSocket socket;
    private readonly bool isOwned;

    private NftablesLock(NetlinkSocket socket, string table, uint mark, bool isOwned) => (this.socket, Table, Mark, this.isOwned) = (socket, table, mark, isOwned);

    /// <inheritdoc/>
    public uint Mark { get; }

    /// <summary>The name of the table, of family inet.</summary>
    public string Table { get; }

    /// <summary>
    /// The netlink socket, which stays ours. Who holds a duplicate, such as a guard process, can <c>write(2)</c> <see cref="RemovalMessage"/> to it. The table of an owned
    /// lock lives as long as any duplicate, unless the lock is disposed.
    /// </summary>
    public SafeHandle Descriptor => socket.Handle;

    /// <summary>Removes the table when it is written to <see cref="Descriptor"/>, or to any socket of NETLINK_NETFILTER in the same namespace, in one piece.</summary>
    public ReadOnlyMemory<byte> RemovalMessage => RemovalMessageOf(Table);

    /// <summary>The same for a table that is known by its name alone, whoever has made it.</summary>
    /// <param name="table">Its name, of family inet.</param>
    public static ReadOnlyMemory<byte> RemovalMessageOf(string table) => WriteRemoval(CheckedName(table)).End().ToArray();

    /// <summary>
    /// A lock that is gone when it is disposed, and when its process ends in whatever way (NFT_TABLE_F_OWNER, since Linux 5.12). Nobody else can change or remove its table;
    /// a firewall that is loaded anew leaves it.
    /// </summary>
    /// <param name="options">Null for the usual.</param>
    /// <exception cref="SoccrException">The kernel refuses: no privilege, no nf_tables.</exception>
    public static NftablesLock CreateOwned(NftablesLockOptions? options = null) =>
        Create($"criu-soccr-{RandomNumberGenerator.GetHexString(16, lowercase: true)}", options ?? new(), isOwned: true);

    /// <summary>
    /// A lock that stays until <see cref="Remove"/>, or until its namespace ends, so that one process may hold and another release. It has no owner: any process with the
    /// privilege may open it, also while this one lives, and <c>nft flush ruleset</c> removes it.
    /// </summary>
    /// <param name="table">A name that is free: 1 to 255 bytes of UTF-8.</param>
    /// <param name="options">Null for the usual.</param>
    /// <exception cref="SoccrException">The kernel refuses: a table of this name exists, no privilege, no nf_tables.</exception>
    public static NftablesLock CreatePersistent(string table, NftablesLockOptions? options = null) => Create(CheckedName(table), options ?? new(), isOwned: false);

    /// <summary>A lock that <see cref="CreatePersistent"/> made before, with the mark that it was made with.</summary>
    /// <param name="table">Its name.</param>
    /// <exception cref="SoccrException">There is none, or the table is another's; no privilege.</exception>
    public static NftablesLock Open(string table)
    {
        var socket = OpenSocket(CheckedName(table));
        try
        {
            return new NftablesLock(socket, table, ExistingTable.ReadMark(socket, table), isOwned: false);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static NftablesLock Create(string table, NftablesLockOptions options, bool isOwned)
    {
        if (options.Mark == 0)
            throw new ArgumentException("The mark 0 is on every packet: nothing would be held.", nameof(options));
        if (options.Timeout is { TotalMilliseconds: < 1 } time)
            throw new ArgumentException($"A timeout of {time} is below a millisecond.", nameof(options));
        var socket = OpenSocket(table);
        var batch = new NfTablesBatch();
        LockTable.Write(batch, table, options, isOwned);
        try
        {
            var prepared = new NftablesLock(socket, table, options.Mark, isOwned);
            options.Prepared?.Invoke(prepared);
            return batch.Run(socket, mayRepeat: false) is { } refusal ? throw NfTablesErrors.OfCreation(refusal, table, isOwned) : prepared;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Hold(ReadOnlySpan<HeldFlow> flows)
    {
        var elements = new FlowElements(Table, flows);
        Run(elements, elements.WriteAll(NfTables.NFT_MSG_NEWSETELEM));
    }

    /// <summary>Lets the traffic of these pass again, all or none. Flows that are not held are passed over.</summary>
    /// <param name="flows">Connections of this lock, also ones that another process holds by it.</param>
    /// <exception cref="SoccrException">The kernel refuses; the table is gone.</exception>
    public void Release(ReadOnlySpan<HeldFlow> flows)
    {
        var elements = new FlowElements(Table, flows);
        Run(elements, elements.WriteAll(NfTables.NFT_MSG_DELSETELEM), () => elements.WriteAll(NfTables.NFT_MSG_NEWSETELEM, NfTables.NFT_MSG_DELSETELEM));
    }

    /// <param name="elements">What it is about.</param>
    /// <param name="batch">What is done.</param>
    /// <param name="otherwise">
    /// And where that is ENOENT: one of the elements is not there, or has timed out. Added first, in the same transaction, all are there to be removed, and none is ever in
    /// force. (NFT_MSG_DESTROYSETELEM would pass over them, but only since Linux 6.3.)
    /// </param>
    private void Run(FlowElements elements, NfTablesBatch? batch, Func<NfTablesBatch?>? otherwise = null)
    {
        lock (gate)
        {
            var refusal = batch?.Run(socket, mayRepeat: true);
            if (refusal is { ErrorNumber: Errno.ENOENT } && otherwise != null)
                refusal = otherwise()?.Run(socket, mayRepeat: true);
            if (refusal != null)
                throw NfTablesErrors.OfElements(refusal, Table, elements.ToString());
        }
    }

    /// <summary>Removes the table, and so lets all connections go, whoever held them. One that is gone already is passed over.</summary>
    /// <exception cref="SoccrException">The kernel refuses.</exception>
    public void Remove()
    {
        if (TryRemove() is { ErrorNumber: not Errno.ENOENT } refusal)
            throw NfTablesErrors.OfElements(refusal, Table, "the lock");
    }

    /// <summary>Removes a table by its name, without opening it: also one that another program has made in our place, as CRIU does.</summary>
    /// <param name="table">Its name, of family inet.</param>
    /// <returns>False where there is none.</returns>
    /// <exception cref="SoccrException">The kernel refuses: no privilege, somebody owns the table, or it is in use.</exception>
    public static bool RemoveTable(string table)
    {
        using var socket = OpenSocket(CheckedName(table));
        return WriteRemoval(table).Run(socket, mayRepeat: true) switch
        {
            null => true,
            { ErrorNumber: Errno.ENOENT } => false,
            var refusal => throw NfTablesErrors.OfElements(refusal, table, "the lock"),
        };
    }

    private NfTablesRefusal? TryRemove()
    {
        lock (gate)
            return WriteRemoval(Table).Run(socket, mayRepeat: true);
    }

    private static NfTablesBatch WriteRemoval(string table)
    {
        var batch = new NfTablesBatch();
        using var message = batch.Message(NfTables.NFT_MSG_DELTABLE, nameof(NfTables.NFT_MSG_DELTABLE));
        batch.Writer.Text(NfTables.NFTA_TABLE_NAME, table);
        return batch;
    }

    /// <summary>An owned lock lets all go; a persistent one stays as it is, to be opened again.</summary>
    public void Dispose()
    {
        // The kernel removes an owned table with the last duplicate of its socket: a child that was forked just now may have one.
        if (isOwned && !socket.Handle.IsClosed)
            TryRemove();
        socket.Dispose();
    }

    private static NetlinkSocket OpenSocket(string table)
    {
        long result = NetlinkSocket.TryOpen(out var socket);
        return socket ?? throw NfTablesErrors.OfCreation(new NfTablesRefusal("socket(AF_NETLINK, NETLINK_NETFILTER)", (int)-result, null), table, isOwned: false);
    }

    private static string CheckedName(string table)
    {
        ArgumentException.ThrowIfNullOrEmpty(table);
        if (Encoding.UTF8.GetByteCount(table) >= NfTables.NFT_TABLE_MAXNAMELEN || table.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException($"The name of a table is at most {NfTables.NFT_TABLE_MAXNAMELEN - 1} bytes, none of them 0.", nameof(table));
        return table;
    }
}
