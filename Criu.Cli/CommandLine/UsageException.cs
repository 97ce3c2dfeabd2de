namespace Criu.Cli.CommandLine;

/// <summary>A command line that cannot be read: what is wrong with it, and what may have been meant.</summary>
internal sealed class UsageException(string message, string? advice = null) : Exception(advice == null ? message : $"{message}. {advice}");
