using Criu.Parasite;
using Linux.Abi;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Resources.Files;

/// <summary>
/// What waits in one pair is looked at by taking it out. So
///   1. the guard pledges to put it back, and the settings with it, should the engine end meanwhile;
///   2. a batch of the guard takes it, into the guard's memory;
///   3. another batch puts it back, and drops that duty.
/// The guard's calls must not wait, so neither side does meanwhile.
/// </summary>
internal sealed class TerminalQueueDump
{
    // What was written reaches the other side by a worker of the kernel: settings that change sooner would be those it comes under.
    private const int DeliveryMs = 20;

    private readonly DumpedPair pair;
    private readonly SafeFileHandle master, slave;
    private readonly TerminalSettings settings;
    private readonly bool isPackets;
    private readonly ILogger log;
    private readonly Pledge pledge;
    private readonly int masterCopy, slaveCopy;         // of the guard
    private readonly PledgedQueue typed, written;

    /// <param name="pair">Whose master the tree holds.</param>
    /// <param name="master">Our descriptor of it.</param>
    /// <param name="slave">A description of our own, which never waits.</param>
    /// <param name="settings">What the slave has.</param>
    /// <param name="pledge">A new one.</param>
    /// <param name="log">Is told of what found no room again.</param>
    public TerminalQueueDump(DumpedPair pair, SafeFileHandle master, SafeFileHandle slave, TerminalSettings settings, Pledge pledge, ILogger log)
    {
        (this.pair, this.master, this.slave, this.settings, this.pledge, this.log) = (pair, master, slave, settings, pledge, log);
        isPackets = TerminalIo.Read(master, TerminalCall.TIOCGPKT) != 0;
        (masterCopy, slaveCopy) = (pledge.Fetch(Master.Holder.Pid, [Master.Fd])[0], pledge.Fetch(Environment.ProcessId, [slave.Fd()])[0]);
        (typed, written) = (pledge.NewQueue(slaveCopy, masterCopy), pledge.NewQueue(masterCopy, slaveCopy));
    }

    private OpenFile Master => pair.Master!;

    /// <returns>What was typed, as it would have to be typed again, and what was written to the slave.</returns>
    public (byte[] Input, byte[] Output) Run()
    {
        PledgeReturn();
        var (input, output) = Take();
        PutBack(input, output);
        SetAsBefore();
        return (input, output);
    }

    private void PledgeReturn() => pledge.Add(
    [
        PledgedCall.Pause(DeliveryMs), Settings(TerminalQueue.Bare(settings)), PledgedCall.Return(typed), PledgedCall.Return(written),
        PledgedCall.Pause(DeliveryMs), Settings(settings), Packets(isPackets), PledgedCall.SetFlags(masterCopy, Master.Flags), PledgedCall.Close(slaveCopy),
    ]);

    /// <summary>Of a slave that is closed, only what it has written.</summary>
    private (byte[] Input, byte[] Output) Take()
    {
        TerminalIo.SetFlags(master, (int)Master.Flags | Fcntl.O_NONBLOCK);
        TerminalIo.Set(master, TerminalCall.TIOCPKT, 0);
        int inLines = TerminalIo.Read(slave, TerminalCall.FIONREAD);
        pledge.Take([Settings(TerminalQueue.Raw(settings))], pair.Slave != null ? [typed, written] : [written]);
        return (TerminalQueue.ToTyped(typed.ToArray(), settings, inLines), written.ToArray());
    }

    /// <summary>By the guard, in one batch; what finds no room at once is written by us, when there is some.</summary>
    private void PutBack(byte[] input, byte[] output)
    {
        byte[] ended = TerminalQueue.WithStop(input, settings, out var bare);
        List<PledgedCall> calls = [Settings(TerminalQueue.Bare(settings)), .. Pieces(slaveCopy, output)];
        int outputCalls = calls.Count;
        if (input.Length > 0)
            calls.AddRange([Settings(bare), Packets(true), .. Pieces(masterCopy, ended)]);
        long[] results = pledge.PutBack(calls, [typed, written]);
        int lost = TerminalQueue.WriteAll(slave, slave, output.AsSpan(Written(results.AsSpan(1, outputCalls - 1))));
        if (input.Length > 0)
        {
            lost += TerminalQueue.WriteAll(master, slave, ended.AsSpan(Written(results.AsSpan(outputCalls + 2))));
            TerminalQueue.AwaitTyped(master, slave, settings, bare, input.Length);
        }
        if (lost > 0)
            log.LogWarning("{Bytes} bytes that waited in {Terminal} found no room again: they are in the images, and no longer in the terminal", lost, Master);
    }

    private void SetAsBefore()
    {
        TerminalIo.SetSettings(slave, settings);
        TerminalIo.Set(master, TerminalCall.TIOCPKT, isPackets ? 1 : 0);
        TerminalIo.SetFlags(master, (int)Master.Flags);
        pledge.Drop();
        pledge.PutBack([PledgedCall.Close(slaveCopy), PledgedCall.Close(masterCopy)], []);
    }

    /// <summary>What the line discipline has room for goes there from the buffer below it: then as much fits as had before.</summary>
    private static PledgedCall[] Pieces(int copy, byte[] data)
    {
        const int PauseMs = 50;
        return data.Length <= TerminalQueue.KeptBytes ? [PledgedCall.Write(copy, data)]
            : [PledgedCall.Write(copy, data.AsSpan(0, TerminalQueue.KeptBytes)), PledgedCall.Pause(PauseMs), PledgedCall.Write(copy, data.AsSpan(TerminalQueue.KeptBytes))];
    }

    /// <summary>Of the answers to <see cref="Pieces"/>; a pause answers 0, and what did not fit -EAGAIN.</summary>
    private static int Written(ReadOnlySpan<long> results)
    {
        long bytes = 0;
        foreach (long result in results)
            bytes += Math.Max(result, 0);
        return (int)bytes;
    }

    private PledgedCall Settings(TerminalSettings wanted) => PledgedCall.Ioctl(masterCopy, TerminalCall.TCSETS2, TerminalImages.ToBytes(wanted));

    private PledgedCall Packets(bool isOn) => PledgedCall.Ioctl(masterCopy, TerminalCall.TIOCPKT, TerminalImages.ToBytes(isOn ? 1 : 0));
}
