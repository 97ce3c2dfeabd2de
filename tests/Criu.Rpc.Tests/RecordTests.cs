using System.Collections;
using System.Globalization;
using System.Reflection;
using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Google.Protobuf.Reflection;

namespace Criu.Rpc.Tests;

/// <summary>The option records of the library as fields of a request, and back: what a client sets is what its server works with.</summary>
public sealed class RecordTests
{
    /// <summary>What has no field, and why that loses nothing.</summary>
    private static readonly Dictionary<string, string> WithoutField = new()
    {
        ["CommonOptions.Address"] = "it leads to the service, OfService has it",
        ["CommonOptions.Detached"] = "always so",
        ["CommonOptions.Command"] = "goes with ExecutesCommand",
        ["CommonOptions.StatusFd"] = "sent; the server has no use for it in a request",
    };

    private static readonly string[] Refused = ["CommonOptions.PidFile", "CommonOptions.CloseFds", "CommonOptions.Daemon", "CommonOptions.ActionScripts"];

    public static TheoryData<string> Properties => [.. Of(typeof(CommonOptions)).Concat(Of(typeof(DumpOptions))).Concat(Of(typeof(RestoreOptions)))];

    private static IEnumerable<string> Of(Type record) => record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => $"{record.Name}.{property.Name}");

    [Theory, MemberData(nameof(Properties))]
    public void EveryPropertyArrivesOrIsRefusedByName(string name)
    {
        var (common, dump, restore) = (new CommonOptions { ImagesDir = "/tmp", Tree = 7 }, new DumpOptions(), new RestoreOptions());
        object record = name.Split('.')[0] switch { nameof(CommonOptions) => common, nameof(DumpOptions) => dump, _ => restore };
        PropertyInfo property = record.GetType().GetProperty(name.Split('.')[1])!;
        property.SetValue(record, Other(property, property.GetValue(record)));
        if (name == "CommonOptions.ExecutesCommand")
            common = common with { Command = ["true", "x"] };
        if (record is CommonOptions)
            record = common;
        if (Refused.Contains(name))
        {
            Assert.Contains(property.Name, Assert.Throws<CheckpointException>(() => RequestOptions.OfDump(common, dump)).Message);
            return;
        }
        using RequestOptions sent = record is RestoreOptions ? RequestOptions.OfRestore(common, restore) : RequestOptions.OfDump(common, dump);
        MergedOptions arrived = Merge(sent.Opts);
        if (WithoutField.ContainsKey(name))
            return;
        object got = record switch { CommonOptions => arrived.Common, DumpOptions => arrived.Dump, _ => arrived.Restore };
        Assert.Equal(Text(property.GetValue(record)), Text(property.GetValue(got)));
    }

    public static TheoryData<string> Rows => [.. OptionCatalogue.All.Where(row => row is { Support: OptionSupport.Supported, RpcField: not (null or "config_file") }).Select(row => row.Name)];

    /// <summary>Whatever an option of the catalogue does to the records becomes its field again. Files with options are read by who merges them.</summary>
    [Theory, MemberData(nameof(Rows))]
    public void EveryOptionOfTheCatalogueBecomesItsField(string name)
    {
        OptionDescription row = OptionCatalogue.All.Single(option => option.Name == name);
        MergedOptions merged = OptionMerge.Merge([new OptionSetting("tree", "7", "-t"), new OptionSetting("images-dir", "/tmp", "-D"), Sample(row)]);
        merged = merged with { Common = merged.Common with { Command = ["true"] } };
        using RequestOptions dump = RequestOptions.OfDump(merged.Common, merged.Dump), restore = RequestOptions.OfRestore(merged.Common, merged.Restore);
        string field = row.RpcField == "images_dir" ? "images_dir_fd" : row.RpcField!;
        Assert.True(IsSet(dump.Opts, field) || IsSet(restore.Opts, field), $"{field} is not set");
    }

    private static bool IsSet(CriuOpts opts, string name)
    {
        FieldDescriptor field = CriuOpts.Descriptor.FindFieldByName(name);
        return field.IsRepeated ? ((IList)field.Accessor.GetValue(opts)).Count > 0 : field.Accessor.HasValue(opts);
    }

    private static OptionSetting Sample(OptionDescription row)
    {
        foreach (string? value in (string?[])[row.Argument == OptionArgument.None ? OptionSetting.On : row.ValueName == "DIR" ? "/" : "5", "fd[3]:pipe:[4]", "file[1:2]", "skip", "/tmp", null])
            try
            {
                OptionSetting setting = new(row.Name, value, $"--{row.Name}");
                OptionMerge.Merge([setting]);
                return setting;
            }
            catch (CheckpointException)
            {
                continue;
            }
        throw new InvalidOperationException($"No sample for {row.Name}");
    }

    private static MergedOptions Merge(CriuOpts opts)
    {
        using RpcOptions options = new(opts, new RpcPeer(Environment.ProcessId, 0, 0), isService: false, home: null);
        MergedOptions merged = options.Merge(needsImages: true);
        return merged with { Common = merged.Common with { ImagesDir = Target(merged.Common.ImagesDir), WorkDir = Target(merged.Common.WorkDir) } };
    }

    /// <summary>Directories are compared by where they lead: they arrive as descriptors, which are closed with the options.</summary>
    private static string Target(string path) => new FileInfo(path).LinkTarget ?? path;

    /// <summary>A value that is not the default.</summary>
    private static object Other(PropertyInfo property, object? value) => property.Name switch
    {
        "ImagesDir" or "WorkDir" => "/",
        "NetworkLock" => NetworkLockMethod.Skip,
        "External" => (string[])["file[1:2]", "unix[5]"],
        "InheritFds" => (InheritedDescriptor[])[new(4, "pipe:[12]")],
        "Timeout" => TimeSpan.FromSeconds(3),
        "ActionScripts" or "Command" => (string[])["/bin/true"],
        "CloseFds" => (int[])[9],
        "Processor" => ProcessorParts.Instructions,
        _ when property.PropertyType == typeof(bool) => !(bool)value!,
        _ when property.PropertyType == typeof(string) => "text",
        _ when property.PropertyType == typeof(int) || property.PropertyType == typeof(int?) => 4,
        _ => throw new NotSupportedException($"{property.Name}: {property.PropertyType}"),
    };

    private static string Text(object? value) => value switch
    {
        string text => text,
        IEnumerable list => string.Join(", ", list.Cast<object>()),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
