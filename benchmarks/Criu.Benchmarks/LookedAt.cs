using Criu.Core.Engine;
using Criu.Core.Proc;

namespace Criu.Benchmarks;

/// <summary>A subject as the dump engine has it, with the mappings of its range alone: those of its runtime would only blur the figures.</summary>
internal static class LookedAt
{
    public static DumpTask Task(Subject subject)
    {
        var text = new ProcText();
        if (!ProcDirectory.TryOpen(subject.Pid, out var proc) || !proc.TryRead("stat"u8, text))
            throw new InvalidOperationException("the subject is gone");
        var task = new DumpTask { Pid = subject.Pid, Proc = proc, Stat = TaskStat.Parse(text) };
        if (!VmaFiles.TryReadSmaps(proc, text, task.Vmas))
            throw new InvalidOperationException("the subject is gone");
        task.Vmas.RemoveAll(vma => vma.End <= subject.Start || vma.Start >= subject.End);
        return task;
    }
}
