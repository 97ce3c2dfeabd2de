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
        var lacks = new List<string>();
        foreach (var feature in KernelFeatures.All)
            if (feature.Need == FeatureNeed.Always && feature.Probe() is { Works: false } report)
                lacks.Add($"{feature.Name}, needed to {feature.Purpose}, does not work: {Because(report)}");
        return lacks.Count == 0 ? true : throw new CheckpointException(string.Join("; ", lacks));
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
        return report.Works ? Say(session, $"{name} is supported", status: 0) : Say(session, $"{name} is not supported: {Because(report)}", status: 1);
    }

    private static int CheckAll(Session session)
    {
        bool lame = false, thin = false;
        foreach (var feature in KernelFeatures.All)
        {
            if (feature.Need == FeatureNeed.Always)
                lame |= !Works(session, feature, LogLevel.Error);
            else if (feature.Need == FeatureNeed.Sometimes && session.Options.Check.Extra)
                thin |= !Works(session, feature, LogLevel.Warning);
        }
        return (lame, thin) switch
        {
            (true, _) => Say(session, "Does not look good.", status: 1),
            (_, true) => Say(session, ThinVerdict, status: 1),
            _ => Say(session, "Looks good.", status: 0),
        };
    }

    private static bool Works(Session session, KernelFeature feature, LogLevel missing)
    {
        var report = feature.Probe();
        string text = report.Works ? $"{feature.Name} works" : $"{feature.Name}, needed to {feature.Purpose}, does not work: {Because(report)}";
        Complain(session, report.Works ? LogLevel.Information : missing, text);
        return report.Works;
    }

    private static string Because(FeatureReport report) => report.Advice == null ? report.Lack! : $"{report.Lack}. {report.Advice}";

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
