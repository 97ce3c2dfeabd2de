using System.Globalization;
using Criu.Core.Programs;

namespace Criu.Core;

/// <summary>
/// Runs scripts at each stage (<c>--action-script</c>). They are told by their environment, as CRIU tells them: CRTOOLS_SCRIPT_ACTION, CRTOOLS_IMAGE_DIR, and CRTOOLS_INIT_PID once
/// there is a root. One that fails stops the dump or restore.
/// </summary>
public sealed class ActionScripts : ICheckpointListener
{
    private readonly IReadOnlyList<string> scripts;
    private readonly string imagesDir, workDir;
    private readonly int output;

    /// <summary>Prepares the scripts.</summary>
    /// <param name="scripts">Paths of programs, run one after the other, without arguments.</param>
    /// <param name="imagesDir">Directory of the images, as a child of this process finds it.</param>
    /// <param name="workDir">Where they run.</param>
    /// <param name="output">Descriptor that takes what they print, e.g. that of the log.</param>
    public ActionScripts(IReadOnlyList<string> scripts, string imagesDir, string workDir, int output = 2) =>
        (this.scripts, this.imagesDir, this.workDir, this.output) = (scripts, imagesDir, workDir, output);

    /// <inheritdoc/>
    /// <exception cref="CheckpointException">A script cannot be started, or fails.</exception>
    public void Reached(CheckpointStage stage, int? rootPid)
    {
        string action = StageNames.Of(stage);
        List<(string, string?)> environment =
        [
            ("CRTOOLS_SCRIPT_ACTION", action), ("CRTOOLS_IMAGE_DIR", imagesDir), ("CRTOOLS_INIT_PID", rootPid?.ToString(CultureInfo.InvariantCulture)),
        ];
        foreach (string script in scripts)
            Run(script, action, environment);
    }

    private void Run(string script, string action, List<(string, string?)> environment)
    {
        var program = new ProgramStart { Path = script, Arguments = [script], Environment = environment, Directory = workDir, Output = output };
        var end = Spawner.Run(program);
        if (!end.Succeeded)
            throw new CheckpointException($"The action script {script} {end} at the stage {action}", "What it printed is in the log");
    }
}
