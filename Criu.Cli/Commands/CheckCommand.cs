using Criu.Cli.Reporting;
using Criu.Core;
using Criu.Core.Options;
using Microsoft.Extensions.Logging;

namespace Criu.Cli.Commands;

/// <summary><c>criu check</c>: the verdict on standard output, its reasons in the log. With <c>-v0</c> the exit status says all.</summary>
internal static class CheckCommand
{
    private const string ThinVerdict = "Looks good but some kernel features are missing\nwhich, depending on your process tree, may cause\ndump or restore failure.";

    public static int Run(MergedOptions options)
    {
        using var session = Session.Open(options, DirectoryAccess.Search);
        if (options.Check.Features.Contains("list"))
            return Say(session, string.Join("\n", KernelFeatures.All.Select(feature => feature.Name)), status: 0);
        return options.Check.Features.Count > 0 ? CheckNamed(session) : CheckAll(session);
    }

    /// <summary>Throws where something is missing that is always needed: all of it, for a client that sees no log.</summary>
    internal static bool Demand(Session session)
    {
        var found = Checkpoint.Check(session.Options.Check with { Extra = false });
        return found.IsGood ? true : throw new CheckpointException(string.Join("; ", found.Lacks));
    }

    private static int CheckNamed(Session session)
    {
        int status = 0;
        foreach (string name in session.Options.Check.Features)
            status |= CheckNamed(session, name);
        return status;
    }

    private static int CheckNamed(Session session, string name)
    {
        if (KernelFeatures.Find(name) is not { } feature)
        {
            Complain(session, LogLevel.Error, $"Unknown feature {name}. criu check --feature list prints all that are known");
            return 1;
        }
        var report = feature.Probe();
        return report.Works ? Say(session, $"{name} is supported", status: 0) : Say(session, $"{name} is not supported: {report}", status: 1);
    }

    private static int CheckAll(Session session)
    {
        var found = Checkpoint.Check(session.Options.Check);
        foreach (var one in found.Features)
            Complain(session, one.Report.Works ? LogLevel.Information : one.Feature.Need == FeatureNeed.Always ? LogLevel.Error : LogLevel.Warning, one.ToString());
        bool lame = found.Features.Any(one => !one.Report.Works && one.Feature.Need == FeatureNeed.Always), thin = !found.IsGood;
        return (lame, thin) switch
        {
            (true, _) => Say(session, "Does not look good.", status: 1),
            (_, true) => Say(session, ThinVerdict, status: 1),
            _ => Say(session, "Looks good.", status: 0),
        };
    }

    private static void Complain(Session session, LogLevel level, string text)
    {
        if (session.Options.Common.Verbosity > 0)
            session.Log.Write(level, "check", text);
    }

    private static int Say(Session session, string verdict, int status)
    {
        if (session.Options.Common.Verbosity > 0)
            StandardStream.WriteOut(verdict + "\n");
        return status;
    }
}
