using Criu.Images;
using Criu.Parasite;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>A part of a dump or restore that progress, log and failures name.</summary>
internal sealed record Phase(string Name, Action Work);

/// <summary>Runs phases: cancellation is looked at before each, and what fails in one is wrapped once, with its name.</summary>
internal static class Phases
{
    public static void RunAll(string engine, ReadOnlySpan<Phase> phases, ILogger log, IProgress<CheckpointProgress>? progress, CancellationToken cancel)
    {
        for (int i = 0; i < phases.Length; i++)
        {
            progress?.Report(new CheckpointProgress(engine, phases[i].Name, i + 1, phases.Length));
            Run(engine, phases[i].Name, phases[i].Work, log, cancel);
        }
    }

    private static void Run(string engine, string name, Action work, ILogger log, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        log.LogInformation("{Engine}: {Phase}", engine, name);
        try
        {
            work();
        }
        catch (ParasiteException e)
        {
            throw new CheckpointException(e.Message, null, e);
        }
        catch (FailedCallException e)
        {
            throw new CheckpointException($"{engine}, {name}: {e.Message}", e.Cure, e);
        }
        catch (BatchException e)
        {
            throw new CheckpointException($"{engine}, {name}: {e.Message}", null, e);
        }
        catch (Exception e) when (e is Proc.ProcFormatException or Proc.ProcAccessException)
        {
            throw new CheckpointException($"{engine}, {name}: {e.Message}", "The process may have ended meanwhile", e);
        }
        catch (ImageStoreException e)
        {
            throw new CheckpointException(e.Message, null, e);
        }
    }
}
