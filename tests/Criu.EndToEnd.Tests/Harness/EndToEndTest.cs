using Xunit.Sdk;

[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>A test that starts targets. Afterwards nothing may be left of them or of an engine.</summary>
public abstract class EndToEndTest : IDisposable
{
    private readonly List<Target> _targets = [];

    private readonly List<Network> _networks = [];

    internal Network NewNetwork()
    {
        Network network = new();
        _networks.Add(network);
        return network;
    }

    internal Target Start(Workload workload, bool asUser = false, Network? network = null)
    {
        if (!User.IsRoot)
            Skips.Because("needs root: it changes users and restores pids");
        Target target = new(workload, asUser, network);
        _targets.Add(target);
        return target;
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        string leaks = Leaks.In([]);
        _targets.ForEach(t => t.Dispose());
        _networks.ForEach(n => n.Dispose());
        if (leaks.Length > 0)
            throw new XunitException(leaks);
    }
}
