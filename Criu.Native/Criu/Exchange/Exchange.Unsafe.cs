using Linux.Abi;

namespace Criu.Native;

/// <summary>A request and its answer, with the notifications between them.</summary>
internal unsafe struct Exchange
{
    private const int MaxBytes = 1 << 20;            // an answer of criu has some 100 bytes, with its message a few KiB

    /// <summary>Of the master of a terminal that lost its own: the one that came last. It belongs to the process, as the function that tells it has no options.</summary>
    private static int orphanTerminal = -1;

    private readonly CriuOptions* options;
    private readonly Connection connection;

    public Exchange(CriuOptions* options, Connection connection)
    {
        this.options = options;
        this.connection = connection;
    }

    public static int OrphanTerminal => orphanTerminal;

    private static ReadOnlySpan<byte> OrphanTerminalAction => "orphan-pts-master"u8;

    /// <summary>0, or what the function of libcriu answers: a negative error, with errno, or the "no" of a callback.</summary>
    /// <param name="type">Of request and answer.</param>
    /// <param name="request">The criu_req.</param>
    /// <param name="answer">What came.</param>
    public readonly int Ask(int type, ReadOnlySpan<byte> request, out Answer answer)
    {
        answer = default;
        long result = connection.Send(request);
        if (Kernel.Failed(result))
            return Connection.Fail(-Errno.ECOMM, -result);
        int no;
        do
            no = ReceiveOne(out answer);
        while (no == 0 && answer.Type == RequestType.Notify);
        return no != 0 ? no : Judge(type, answer);
    }

    private static int Judge(int type, in Answer answer)
    {
        if (answer.Type == type && answer.HasSucceeded)
            return 0;
        int result = answer.Type == type ? -Errno.EBADE : answer.Type == RequestType.Empty ? -Errno.EINVAL : -Errno.EBADMSG;
        return Connection.Fail(result, answer.ErrorNumber);
    }

    /// <summary>Takes one message, and replies to it where it is a notification.</summary>
    private readonly int ReceiveOne(out Answer answer)
    {
        answer = default;
        long size = connection.AwaitPacket();
        if (size is <= 0 or > MaxBytes)
            return Connection.Fail(-Errno.ECOMM, size < 0 ? -size : size == 0 ? Errno.ECONNRESET : Errno.EMSGSIZE);
        byte* buffer = (byte*)Libc.Reallocate(null, (nuint)size);
        if (buffer == null)
            return Connection.Fail(-Errno.ECOMM, Errno.ENOMEM);
        size = connection.Receive(buffer, size, out int passed);
        bool isAnswer = size > 0 && answer.TryRead(new ReadOnlySpan<byte>(buffer, (int)size));
        Libc.Free(buffer);
        Keep(passed, answer.Notification.Script);
        int result = !isAnswer ? Connection.Fail(-Errno.ECOMM, Errno.EINVAL) : answer.Type == RequestType.Notify ? Reply(answer.Notification) : 0;
        Libc.Free(answer.Notification.Script);
        answer.Notification = default;
        return result;
    }

    private static void Keep(int passed, byte* action)
    {
        if (passed < 0)
            return;
        if (action != null && Libc.Text(action).SequenceEqual(OrphanTerminalAction))
            orphanTerminal = passed;
        else
            Libc.Close(passed);
    }

    /// <summary>Tells the callback, and the server what it says. A "no" of its is the end of the request.</summary>
    private readonly int Reply(NotifyArgument notification)
    {
        byte empty = 0;
        int no = options->Notify == null ? 0 : options->Notify(notification.Script == null ? &empty : notification.Script, &notification);
        WireBuffer reply = default;
        bool isMade = reply.TryAdd(RequestField.Type, RequestType.Notify) && reply.TryAdd(RequestField.NotifySuccess, no == 0 ? 1 : 0);
        long result = isMade ? connection.Send(reply.Bytes) : -Errno.ENOMEM;
        reply.Free();
        return no != 0 ? no : Kernel.Failed(result) ? Connection.Fail(-Errno.ECOMM, -result) : 0;
    }
}
