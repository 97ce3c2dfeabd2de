namespace Criu.Cli.Commands;

internal static class CritCommand
{
    public static int Run(string[] args) => throw new NotImplementedException();
}
