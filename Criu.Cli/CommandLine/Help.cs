using Criu.Cli.Reporting;

namespace Criu.Cli.CommandLine;

internal static class Help
{
    public static int Print(IReadOnlyList<string> words) => 0;
    public static int Missing() => 1;

    public static int PrintVersion()
    {
        StandardStream.WriteOut("Version: 4.2\n");
        return 0;
    }
}
