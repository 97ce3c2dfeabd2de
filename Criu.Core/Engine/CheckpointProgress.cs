namespace Criu.Core;

/// <summary>A step of a dump or restore that begins.</summary>
/// <param name="Action">Dump or Restore.</param>
/// <param name="Phase">What is done in it, in a few words, as the log has it.</param>
/// <param name="Step">Its number, from 1.</param>
/// <param name="Steps">How many there are.</param>
public readonly record struct CheckpointProgress(string Action, string Phase, int Step, int Steps);
