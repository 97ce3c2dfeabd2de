using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>
/// Numbers the kernel objects of one kind that processes may share (memory, descriptor tables ...). kcmp(2) orders them, so that a search needs few comparisons.
/// </summary>
internal sealed class ObjectIds(int kcmpType, uint first)
{
    private readonly List<(int Pid, uint Id)> sorted = [];
    private uint next = first;

    /// <summary>The id of what this process has; the same for all that share it.</summary>
    public uint Of(int pid)
    {
        int low = 0, high = sorted.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            long order = Kernel.Call(Nr.kcmp, pid, sorted[middle].Pid, kcmpType, 0, 0);
            if (order == 0)
                return sorted[middle].Id;
            if (order is not (1 or 2))
                throw new CheckpointException($"kcmp of {pid} and {sorted[middle].Pid} failed: {Errno.Name(order)}", "The kernel needs CONFIG_KCMP, the caller the right to ptrace both");
            if (order == 1)
                high = middle;
            else
                low = middle + 1;
        }
        sorted.Insert(low, (pid, next));
        return next++;
    }
}
