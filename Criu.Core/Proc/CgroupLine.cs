using System.Text;

namespace Criu.Core.Proc;

/// <summary>Where a task is in one cgroup hierarchy: a line of <c>cgroup</c>, cgroups(7).</summary>
/// <param name="Hierarchy">0 for version 2.</param>
/// <param name="Controllers">Such as "cpu,cpuacct" or "name=systemd"; empty for version 2.</param>
/// <param name="Path">From the root of the reader's cgroup namespace; "/.." parts above it, " (deleted)" behind a removed one.</param>
internal readonly record struct CgroupLine(int Hierarchy, string Controllers, KernelPath Path)
{
    // 9:name=systemd:/some/where
    public static List<CgroupLine> ParseAll(ProcText text)
    {
        var all = new List<CgroupLine>();
        var lines = text.Lines();
        while (lines.TryNext(out var line))
        {
            int hierarchy = line.TakeInt32();
            line.Take(':');
            string controllers = Encoding.UTF8.GetString(line.TakeUntil(':'));
            all.Add(new(hierarchy, controllers, new(line.Rest)));
        }
        return all;
    }
}
