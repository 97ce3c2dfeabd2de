using Criu.Cli.CommandLine;

namespace Criu.Cli.Commands;

internal static class CritCommand
{
    public static int Run(string[] args) => throw new UsageException("crit needs to know what to do", "Try criu crit --help");
}
