using Xunit.Sdk;

[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>A test that starts targets. Afterwards nothing may be left of them or of an engine.</summary>
public abstract class EndToEndTest : IDisposable
{
    private readonly List<Target> _targets = [];

    internal Target Start(Workload workload, bool asUser = false)
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it changes users and restores pids");
        Target target = new(workload, asUser);
        _targets.Add(target);
        return target;
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        string leaks = Leaks.In([]);
        _targets.ForEach(t => t.Dispose());
        if (leaks.Length > 0)
            throw new XunitException(leaks);
    }
}
