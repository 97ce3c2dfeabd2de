using Linux.Abi;

namespace Criu.Soccr;

/// <summary>What sockets have that were made just now, all of one network namespace: it is asked of the first.</summary>
internal sealed class NewSockets
{
    private volatile int receiveBuffer;                 // 0: not asked

    /// <summary>SO_RCVBUF, in bytes; it may have grown since.</summary>
    public int ReceiveBuffer => receiveBuffer;

    /// <param name="made">One that was made just now.</param>
    public void Look(SocketCalls made)
    {
        if (receiveBuffer == 0)
            receiveBuffer = made.Get<int>(Sockets.SOL_SOCKET, So.RCVBUF, "SO_RCVBUF");
    }
}
