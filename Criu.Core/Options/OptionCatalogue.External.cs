using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Objects that live outside the tree.
public static partial class OptionCatalogue
{
    private static OptionDescription[] External() =>
    [
        new("external", Supported, "an object that stays outside: TYPE[ID] at dump, TYPE[ID]:VALUE at restore")
        {
            Group = OptionGroup.External, Argument = Required, ValueName = "RES", RpcField = "external", CSetter = "criu_add_external",
            Effect = (o, s) => o with
            {
                Dump = o.Dump with { External = [.. o.Dump.External, OptionValues.External(s)] },
                Restore = o.Restore with { External = [.. o.Restore.External, OptionValues.External(s)] },
            },
        },
        new("inherit-fd", Supported, "descriptor NUM of criu takes the place of RES: pipe[inode], socket[inode], tty[rdev:dev], file[mnt_id:inode], path/to/file")
        {
            Group = OptionGroup.External, Argument = Required, ValueName = "fd[NUM]:RES", Actions = Restore,
            RpcField = "inherit_fd", CSetter = "criu_add_inherit_fd",
            Effect = (o, s) => o with { Restore = o.Restore with { InheritFds = [.. o.Restore.InheritFds, OptionValues.Inherited(s)] } },
        },
        new("ext-unix-sk", Supported, "unix sockets may send to one outside the tree, found by its name; those of INODE may have any other end there")
        {
            Group = OptionGroup.External, Short = 'x', Argument = Optional, ValueName = "INODE,...", RpcField = "ext_unix_sk", CSetter = "criu_set_ext_unix_sk",
            Effect = (o, s) => o with
            {
                Dump = o.Dump with { ExternalUnixSockets = true, External = [.. o.Dump.External, .. OptionValues.UnixSockets(s)] },
                Restore = o.Restore with { ExternalUnixSockets = true, External = [.. o.Restore.External, .. OptionValues.UnixSockets(s)] },
            },
        },
        new("ext-mount-map", NoEffect, "a mount that stays outside, KEY:VALUE (use --external mnt[KEY]:VALUE)")
        {
            Group = OptionGroup.External, Short = 'M', Argument = Required, ValueName = "KEY:VALUE",
            RpcField = "ext_mnt", CSetter = "criu_add_ext_mount", Note = NoMounts,
        },
        new("enable-external-sharing", NoEffect, "mounts may be shared with the outside")
        {
            Group = OptionGroup.External, RpcField = "ext_sharing", CSetter = "criu_set_ext_sharing", Note = NoMounts,
        },
        new("enable-external-masters", NoEffect, "mounts may have their master outside")
        {
            Group = OptionGroup.External, RpcField = "ext_masters", CSetter = "criu_set_ext_masters", Note = NoMounts,
        },
    ];
}
