using System.Runtime.InteropServices;
using Linux.Abi;

namespace Criu.Soccr;

/// <summary>
/// A transaction of nf_tables: messages between a begin and an end, of which the kernel does all or none. A refused message is answered; of the others
/// only the last is asked to be, for so many answers would not find room, and kernels before 6.10 do not answer the end itself.
/// </summary>
internal sealed class NfTablesBatch
{
    private const byte Family = Netfilter.NFPROTO_INET;

    private readonly List<string> names = [];
    private int last;
    private bool isEnded;

    public NfTablesBatch() => Border(Netfilter.NFNL_MSG_BATCH_BEGIN, nameof(Netfilter.NFNL_MSG_BATCH_BEGIN));

    public NetlinkWriter Writer { get; } = new();

    public int Bytes => Writer.Written.Length;

    /// <summary>Begins a message; it ends when the answer is disposed.</summary>
    /// <param name="type">NFT_MSG_*.</param>
    /// <param name="name">The same, in letters, and of what, for an error.</param>
    /// <param name="flags">NLM_F_* besides the request.</param>
    public NetlinkWriter.Part Message(ushort type, string name, ushort flags = 0)
    {
        last = Bytes;
        names.Add(name);
        return Writer.Message(Header(Netfilter.NFNL_SUBSYS_NFTABLES << 8 | type, flags), Family);
    }

    /// <summary>All of it, with its end.</summary>
    public ReadOnlySpan<byte> End()
    {
        if (!isEnded)
        {
            Writer.AddFlags(last, Netlink.NLM_F_ACK);
            Border(Netfilter.NFNL_MSG_BATCH_END, nameof(Netfilter.NFNL_MSG_BATCH_END));
            isEnded = true;
        }
        return Writer.Written;
    }

    /// <summary>Does it.</summary>
    /// <param name="socket">To the kernel.</param>
    /// <param name="mayRepeat">Done twice it is as if done once. Then it is asked again where the kernel had no memory for its answer.</param>
    /// <returns>Null when done; else what was refused first.</returns>
    public NfTablesRefusal? Run(NetlinkSocket socket, bool mayRepeat)
    {
        var messages = End();
        for (int attempt = 0; ; attempt++)
        {
            long sent = socket.Exchange(messages, out var answers);
            if (Kernel.Failed(sent))
                return new NfTablesRefusal("send", (int)-sent, null);
            if (Judge(answers, out var refusal))
                return refusal;
            if (!mayRepeat || attempt == 2)
                return new NfTablesRefusal("recv", Errno.ENOBUFS, null);
        }
    }

    /// <summary>False where the answers do not say.</summary>
    private bool Judge(List<byte[]> answers, out NfTablesRefusal? refusal)
    {
        bool done = false;
        refusal = null;
        foreach (byte[] message in answers)
        {
            if (MemoryMarshal.Read<NetlinkHeader>(message).Type != Netlink.NLMSG_ERROR || message.Length < 36)
                continue;
            var answer = NetlinkAnswer.Parse(message);
            if (answer.ErrorNumber != 0)
                refusal ??= new NfTablesRefusal(answer.Sequence < names.Count ? names[(int)answer.Sequence] : "the batch", answer.ErrorNumber, answer.Text);
            else
                done |= answer.Sequence == names.Count - 2;
        }
        return done || refusal != null;
    }

    private void Border(ushort type, string name)
    {
        names.Add(name);
        Writer.Message(Header(type, 0), family: 0, Netfilter.NFNL_SUBSYS_NFTABLES).Dispose();
    }

    private NetlinkHeader Header(int type, ushort flags) =>
        new() { Type = (ushort)type, Flags = (ushort)(Netlink.NLM_F_REQUEST | flags), Sequence = (uint)names.Count - 1 };
}

/// <summary>What the kernel did not do.</summary>
/// <param name="Step">The message, by its name in the kernel's headers.</param>
/// <param name="ErrorNumber">Positive.</param>
/// <param name="Text">The kernel's own words, where it has some.</param>
internal sealed record NfTablesRefusal(string Step, int ErrorNumber, string? Text);
