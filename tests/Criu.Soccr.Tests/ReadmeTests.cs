using Criu.Soccr.Tests.Harness;

namespace Criu.Soccr.Tests;

/// <summary>The package's README: what it shows is what is compiled and run, see <see cref="PackageTests"/> and <see cref="MovingTests"/>.</summary>
public sealed class ReadmeTests
{
    [Theory, InlineData(0, "Handover.cs"), InlineData(1, "Moving.cs")]
    public void An_example_is_the_file_that_is_tested(int number, string file)
    {
        string[] examples = [.. File.ReadAllText(Path.Combine(Consumer.Root, "Criu.Soccr/README.md")).Split("```csharp\n").Skip(1).Select(part => part.Split("```")[0])];
        Assert.Equal(File.ReadAllText(Path.Combine(Consumer.Root, "examples/Criu.Soccr.Examples", file)), examples[number]);
    }
}
