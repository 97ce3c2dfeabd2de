using Criu.Core.Options;

namespace Criu.Cli.Commands;

internal static class CheckCommand
{
    public static int Run(MergedOptions options) => throw new NotImplementedException();
}
