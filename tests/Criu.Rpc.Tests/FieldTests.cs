using Criu.Core;
using Criu.Core.Options;
using Criu.Core.Rpc;
using Criu.Core.Rpc.Proto;
using Criu.Rpc.Tests.Harness;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Criu.Rpc.Tests;

/// <summary>The fields of criu_opts against the catalogue of options.</summary>
public sealed class FieldTests
{
    public static TheoryData<string> Fields => [.. CriuOpts.Descriptor.Fields.InDeclarationOrder().Select(f => f.Name)];

    /// <summary>No field is passed over: it becomes a setting or a warning, or it is refused by its name.</summary>
    [Theory, MemberData(nameof(Fields))]
    public void TakesEveryFieldOrRefusesItByName(string name)
    {
        CriuOpts set = Least();
        FieldDescriptor field = CriuOpts.Descriptor.FindFieldByName(name);
        if (field.IsRepeated)
            ((System.Collections.IList)field.Accessor.GetValue(set)).Add(Value(field));
        else
            field.Accessor.SetValue(set, Value(field));

        using RpcOptions without = Of(Least()), with = Of(set);
        MergedOptions before = without.Merge(needsImages: true), after;
        try
        {
            after = with.Merge(needsImages: true);
        }
        catch (CheckpointException exception)
        {
            Assert.Contains(name, exception.Message);
            return;
        }
        // A directory and a log are there without them; a log on standard error is one setting less; of a file counts what it holds.
        int Taken(RpcOptions options, MergedOptions merged) => options.Settings.Count + merged.Warnings.Count;
        Assert.True(Taken(with, after) != Taken(without, before) || name is "images_dir" or "log_file" or "config_file", $"{name} is passed over");
    }

    /// <summary>Fields that say the same as another in another way: a setting of that one's row.</summary>
    private static readonly string[] OtherWays = ["images_dir_fd", "unix_sk_ino", "manage_cgroups", "log_to_stderr"];

    [Fact]
    public void HasOneRowOfTheCatalogueForEachField() => Assert.Equal(
        CriuOpts.Descriptor.Fields.InDeclarationOrder().Select(field => field.Name).Except(OtherWays).Order(), OptionCatalogue.All.Select(option => option.RpcField).OfType<string>().Order());

    [Fact]
    public void MergesAsTheCommandLineDoes()
    {
        CriuOpts opts = Least();
        opts.Pid = 12;
        opts.LeaveRunning = opts.ShellJob = opts.TcpEstablished = opts.TcpClose = opts.ExtUnixSk = true;
        opts.NetworkLock = CriuNetworkLockMethod.Skip;
        opts.LogLevel = 3;
        opts.Timeout = 5;
        opts.UnixSkIno.Add(new UnixSk { Inode = 7 });
        using RpcOptions options = Of(opts);
        MergedOptions merged = options.Merge(needsImages: true);
        Assert.Equal((12, "/tmp", "criu.log", 3), (merged.Common.Tree, merged.Common.ImagesDir, merged.Common.LogFile, merged.Common.Verbosity));
        Assert.True(merged.Dump is { LeaveRunning: true, ShellJob: true, TcpEstablished: true, TcpClose: true, ExternalUnixSockets: true, NetworkLock: NetworkLockMethod.Skip });
        Assert.Equal(TimeSpan.FromSeconds(5), merged.Dump.Timeout);
        Assert.Equal(["unix[7]"], merged.Dump.External);
    }

    /// <summary>What the client has set counts more than the server's command line, that more than the user's default file, and most of all counts the file that the client names.</summary>
    [Fact]
    public void ConfigurationFilesHaveTheirPlace()
    {
        string folder = Directory.CreateTempSubdirectory("config-").FullName, named = Path.Combine(folder, "named");
        Directory.CreateDirectory(Path.Combine(folder, ".criu"));
        File.WriteAllText(Path.Combine(folder, ".criu", "default.conf"), "timeout 7\nshell-job\n");
        File.WriteAllText(named, "timeout 9\n");
        try
        {
            CriuOpts opts = Least();
            OptionSetting[] line = [];
            Assert.Equal((7, true), Merged());
            line = [new OptionSetting("timeout", "6", "--timeout 6")];
            Assert.Equal((6, true), Merged());
            line = [new OptionSetting("no-default-config", OptionSetting.On, "--no-default-config")];
            Assert.Equal((10, false), Merged());
            line = [new OptionSetting("timeout", "6", "--timeout 6")];
            opts.Timeout = 8;
            opts.ShellJob = false;
            Assert.Equal((8, false), Merged());
            opts.ConfigFile = Programs.Text(named);
            Assert.Equal((9, false), Merged());

            (int, bool) Merged()
            {
                using RpcOptions options = new(opts, new RpcPeer(Environment.ProcessId, 0, 0), isService: false, home: folder, line);
                DumpOptions dump = options.Merge(needsImages: true).Dump;
                return ((int)dump.Timeout.TotalSeconds, dump.ShellJob);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static CriuOpts Least() => new() { ImagesDirFd = -1, ImagesDir = Programs.Text("/tmp") };

    private static RpcOptions Of(CriuOpts opts) => new(opts, new RpcPeer(Environment.ProcessId, 0, 0), isService: false, home: null);

    private static object Value(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Bool => true,
        FieldType.Int32 => 1,
        FieldType.UInt32 => 1u,
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, 1),
        FieldType.Bytes => ByteString.CopyFromUtf8("/dev/null"),
        FieldType.Message => Activator.CreateInstance(field.MessageType.ClrType)!,
        _ => throw new NotSupportedException($"{field.Name}: {field.FieldType}"),
    };
}
