using Criu.Images.Json;

namespace Criu.Cli.Crit;

/// <summary>What crit does with an image or its JSON.</summary>
internal static class CritActions
{
    public static void Decode(string? from, string? to, bool pretty, bool withoutPayload)
    {
        using var image = CritFile.OpenInput(from);
        using var output = CritFile.CreateOutput(to);
        CritJson.Decode(image, output.Stream, new CritOptions { Pretty = pretty, NoPayload = withoutPayload }, CritFile.Name(from));
        output.FinishText();
    }

    public static void Encode(string? from, string? to)
    {
        using var json = CritFile.OpenInput(from);
        using var output = CritFile.CreateOutput(to);
        CritJson.Encode(json, output.Stream, CritFile.Name(from));
        output.Finish();
    }

    public static void Info(string? from)
    {
        using var image = CritFile.OpenInput(from);
        using var output = CritFile.CreateOutput(null);
        CritJson.Info(image, output.Stream, CritFile.Name(from));
        output.FinishText();
    }
}
