namespace Criu.Soccr;

/// <summary>
/// Two ways of looking at all TCP sockets of a thread in the kernel's own structures: at options and ends of sockets, and at what is counted of connections in repair mode. It is made once, and
/// is null where it is not possible: privilege and kernel, see <see cref="SocketIterator"/>.
/// </summary>
internal sealed class KernelView
{
    private const int ManyEnough = 256, ManyEnoughAtFirst = 1000;       // sockets: the first time the kernel's types are read, some 20 ms

    private static readonly Lazy<KernelView?> TheOne = new(TryMake);

    private KernelView(SocketIterator sockets, SocketFields socketFields, SocketIterator? connections, ConnectionFields? connectionFields) =>
        (Sockets, SocketFields, Connections, ConnectionFields) = (sockets, socketFields, connections, connectionFields);

    public static KernelView? Instance => TheOne.Value;

    public SocketIterator Sockets { get; }

    public SocketFields SocketFields { get; }

    /// <summary>Null where a member is missing.</summary>
    public SocketIterator? Connections { get; }

    public ConnectionFields? ConnectionFields { get; }

    /// <summary>Null also where a look does not pay.</summary>
    /// <param name="count">How many sockets it is for.</param>
    public static KernelView? For(int count) => count < (TheOne.IsValueCreated ? ManyEnough : ManyEnoughAtFirst) ? null : Instance;

    private static KernelView? TryMake()
    {
        if (!SocketIterator.MayLoad() || KernelTypes.TryRead() is not { } types)
            return null;
        var ofSockets = new SocketFields(types);
        var ofConnections = ConnectionFields.TryFind(types);
        return SocketIterator.TryMake(types, ofSockets.Layout) is { } sockets
            ? new KernelView(sockets, ofSockets, ofConnections == null ? null : SocketIterator.TryMake(types, ofConnections.Layout), ofConnections)
            : null;
    }
}
