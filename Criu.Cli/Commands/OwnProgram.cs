using System.Globalization;
using Criu.Core.Programs;

namespace Criu.Cli.Commands;

/// <summary>Starts this program again.</summary>
internal static class OwnProgram
{
    /// <summary>Answers its pid.</summary>
    /// <param name="keep">A descriptor that it inherits under the same number, and takes for itself.</param>
    /// <param name="args">Its command line.</param>
    public static int Start(int keep, params string[] args)
    {
        // Under CoreCLR the program is dotnet, and what it runs its first argument.
        string assembly = Path.Combine(AppContext.BaseDirectory, "criu.dll");
        bool isHosted = Path.GetFileName(Environment.ProcessPath) == "dotnet" && File.Exists(assembly);
        string[] arguments = isHosted ? ["dotnet", assembly, .. args] : ["criu", .. args];
        return Spawner.Start(new ProgramStart { Path = "/proc/self/exe", Arguments = arguments, Keep = [keep] });
    }
}
