using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;

namespace Criu.Images.Generator;

/// <summary>
/// Google.Protobuf for C# neither refuses a message without its required fields nor bounds how many objects a message becomes, and its descriptors cost
/// milliseconds at their first use. So what is needed to check both is generated from the .proto files, as members of the message classes.
/// </summary>
[Generator]
public sealed class EntryGenerator : IIncrementalGenerator
{
    /// <summary>Reads every .proto file among the additional files, and adds a source for each.</summary>
    /// <param name="context">Where to register.</param>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValueProvider<ImmutableArray<(string Name, string Text)>> files = context.AdditionalTextsProvider
            .Where(static file => file.Path.EndsWith(".proto") && Path.GetFileName(file.Path) != "opts.proto")
            .Select(static (file, cancel) => Read(file, cancel))
            .Collect();
        context.RegisterSourceOutput(files, static (output, all) => Emit(output, all));
    }

    private static (string, string) Read(AdditionalText file, CancellationToken cancel) =>
        (Path.GetFileNameWithoutExtension(file.Path), file.GetText(cancel)!.ToString());

    private static void Emit(SourceProductionContext output, ImmutableArray<(string Name, string Text)> all)
    {
        List<(string Name, ProtoFile File)> parsed = all.Select(f => (f.Name, ProtoFile.Parse(f.Text))).ToList();
        var messages = new HashSet<string>(parsed.SelectMany(f => f.File.Messages).Select(m => m.Name));
        foreach ((string name, ProtoFile file) in parsed)
            output.AddSource(name + ".entries.g.cs", new EntrySource(messages).Of(file));
    }
}
