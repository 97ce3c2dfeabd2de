using Criu.Images;
using Criu.Parasite;
using Microsoft.Extensions.Logging;

namespace Criu.Core.Engine;

/// <summary>Runs a phase: cancellation is looked at before it, and what fails in it is wrapped once, with its name.</summary>
internal static class Phases
{
    public static void Run(string engine, string name, Action work, ILogger log, CancellationToken cancel)
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
