using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Sockets, files, devices. An option that only lets more objects pass does nothing while those are refused by name: whoever gives it loses nothing, and
// scripts that always give it work on trees without such objects.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Resources() =>
    [
        new("tcp-established", Supported, "dump and restore established TCP connections")
        {
            Group = OptionGroup.Resources, Negatable = true, RpcField = "tcp_established", CSetter = "criu_set_tcp_established",
            Effect = (o, s) => o with { Dump = o.Dump with { TcpEstablished = s.IsOn }, Restore = o.Restore with { TcpEstablished = s.IsOn } },
        },
        new("tcp-close", Supported, "restore established TCP connections closed")
        {
            Group = OptionGroup.Resources, Negatable = true, RpcField = "tcp_close", CSetter = "criu_set_tcp_close",
            Effect = (o, s) => o with { Dump = o.Dump with { TcpClose = s.IsOn }, Restore = o.Restore with { TcpClose = s.IsOn } },
        },
        new("skip-in-flight", Supported, "let go TCP connections that nobody has accepted yet")
        {
            Group = OptionGroup.Resources, Negatable = true, Actions = Dump,
            RpcField = "tcp_skip_in_flight", CSetter = "criu_set_tcp_skip_in_flight", Effect = (o, s) => o with { Dump = o.Dump with { SkipInFlight = s.IsOn } },
        },
        new("network-lock", Supported, "how to hold back packets between dump and restore: iptables, nftables (unless told otherwise; for a week at most) or skip")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "METHOD",
            RpcField = "network_lock", CSetter = "criu_set_network_lock",
            Effect = (o, s) => o with { Dump = o.Dump with { NetworkLock = OptionValues.NetworkLock(s) } },
        },
        new("file-locks", NoEffect, "dump and restore locks of files")
        {
            Group = OptionGroup.Resources, Short = 'l', Negatable = true,
            RpcField = "file_locks", CSetter = "criu_set_file_locks", Note = "a tree that holds locks is refused by name",
        },
        new("link-remap", NoEffect, "give unlinked files that have other names a name for the time being")
        {
            Group = OptionGroup.Resources, Negatable = true, RpcField = "link_remap", CSetter = "criu_set_link_remap", Note = NoUnlinked,
        },
        new("ghost-limit", NoEffect, "how much content of an unlinked file an image may hold")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "SIZE", Actions = Dump,
            RpcField = "ghost_limit", CSetter = "criu_set_ghost_limit", Note = NoUnlinked,
        },
        new("ghost-fiemap", NoEffect, "find holes of unlinked files by FIEMAP")
        {
            Group = OptionGroup.Resources, Negatable = true, Actions = Dump, Note = NoUnlinked,
        },
        new("evasive-devices", NoEffect, "open a device by any name of it")
        {
            Group = OptionGroup.Resources, Negatable = true, RpcField = "evasive_devices", CSetter = "criu_set_evasive_devices",
            Note = "a device without its name is refused by name",
        },
        new("force-irmap", NoEffect, "look for the names of watched inodes in known places")
        {
            Group = OptionGroup.Resources, Negatable = true, Actions = Dump, RpcField = "force_irmap", CSetter = "criu_set_force_irmap", Note = NoWatches,
        },
        new("irmap-scan-path", NoEffect, "one more place for --force-irmap")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "PATH", Actions = Dump,
            RpcField = "irmap_scan_paths", CSetter = "criu_add_irmap_path", Note = NoWatches,
        },
        new("file-validation", Refused, "how to see whether a file is still the one that was dumped: filesize or buildid")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "METHOD", Note = "sizes are compared, build ids are not",
            InertValue = "filesize",
        },
        new("skip-file-rwx-check", Supported, "files may have other permissions than at dump")
        {
            Group = OptionGroup.Resources, Negatable = true, Actions = Restore, RpcField = "skip_file_rwx_check", CSetter = "criu_set_skip_file_rwx_check",
            Effect = (o, s) => o with { Restore = o.Restore with { SkipFileModeCheck = s.IsOn } },
        },
        new("allow-uprobes", NoEffect, "dump processes that have user-space probes in them")
        {
            Group = OptionGroup.Resources, Negatable = true, Note = "a mapping for probes is refused by name",
        },
        new("libdir", NoEffect, "directory of plugins")
        {
            Group = OptionGroup.Resources, Short = 'L', Argument = Required, ValueName = "DIR",
            Note = "plugins are not loaded; what one would handle is refused by name",
        },
        new("lsm-profile", Refused, "confine the restored tree by this security profile")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "TYPE:NAME", Actions = Restore,
            RpcField = "lsm_profile", CSetter = "criu_set_lsm_profile",
            Note = "the tree would run unconfined",
        },
    ];

    private const string NoUnlinked = "an unlinked file is refused by name";
    private const string NoWatches = "a watched file is found by its handle, or refused by name";
}
