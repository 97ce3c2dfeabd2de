using System.Diagnostics.CodeAnalysis;

namespace Criu.EndToEnd.Tests.Harness;

/// <summary>The one way to skip. test.sh compares each name and reason with tests/expected-skips.</summary>
internal static class Skips
{
    [DoesNotReturn]
    public static void Because(string reason)
    {
        Assert.Skip(reason);
        throw new InvalidOperationException();
    }
}
