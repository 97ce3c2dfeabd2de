using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Control groups and namespaces.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Cgroups() =>
    [
        new("manage-cgroups", NoEffect, "dump and restore control groups: none, props, soft, full, strict or ignore")
        {
            Group = OptionGroup.Resources, Argument = Optional, ValueName = "MODE",
            RpcField = "manage_cgroups_mode", CSetter = "criu_set_manage_cgroups_mode", Note = NoCgroups, InertValue = "ignore",
            Effect = (o, s) => OptionValues.OneOf(o, s, "none", "props", "soft", "full", "strict"),
        },
        new("cgroup-root", NoEffect, "the group that takes the place of the root of the dumped ones")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "[CTRL:]/ROOT",
            RpcField = "cg_root", CSetter = "criu_add_cg_root", Note = NoCgroups,
        },
        new("cgroup-props", NoEffect, "which properties of control groups to dump")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "SPEC", Actions = Dump, RpcField = "cgroup_props", Note = NoCgroups,
        },
        new("cgroup-props-file", NoEffect, "the same, read from FILE")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "FILE", Actions = Dump, RpcField = "cgroup_props_file", Note = NoCgroups,
        },
        new("cgroup-dump-controller", NoEffect, "dump this controller only")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "NAME", Actions = Dump, RpcField = "cgroup_dump_controller", Note = NoCgroups,
        },
        new("cgroup-yard", NoEffect, "directory where the control groups are mounted already")
        {
            Group = OptionGroup.Resources, Argument = Required, ValueName = "PATH", RpcField = "cgroup_yard", Note = NoCgroups,
        },
    ];

    private static OptionDescription[] Namespaces() =>
    [
        new("root", NoEffect, "the root directory of the restored mount namespace")
        {
            Group = OptionGroup.Namespaces, Short = 'r', Argument = Required, ValueName = "PATH",
            RpcField = "root", CSetter = "criu_set_root", Note = "a mount namespace of its own is refused by name",
        },
        new("join-ns", Refused, "restore into a namespace that exists")
        {
            Group = OptionGroup.Namespaces, Short = 'J', Argument = Required, ValueName = "NS:{PID|FILE}", Actions = Restore,
            RpcField = "join_ns", CSetter = "criu_join_ns_add",
            Note = "the tree would stay in the namespaces of criu",
        },
        new("empty-ns", NoEffect, "make a namespace of this kind (net) and leave it empty")
        {
            Group = OptionGroup.Namespaces, Argument = Required, ValueName = "NS",
            RpcField = "empty_ns", CSetter = "criu_set_empty_ns", Note = "a network namespace of its own is refused by name",
        },
        new("veth-pair", NoEffect, "name of the outer end of a veth device (use --external veth[IN]:OUT)")
        {
            Group = OptionGroup.Namespaces, Argument = Required, ValueName = "IN=OUT", Actions = Restore,
            RpcField = "veths", CSetter = "criu_add_veth_pair", Note = NoNetworks,
        },
        new("weak-sysctls", NoEffect, "skip sysctls that this kernel has not")
        {
            Group = OptionGroup.Namespaces, Negatable = true, Actions = Restore,
            RpcField = "weak_sysctls", CSetter = "criu_set_weak_sysctls", Note = NoNetworks,
        },
        new("skip-mnt", NoEffect, "leave out the mount at PATH")
        {
            Group = OptionGroup.Namespaces, Argument = Required, ValueName = "PATH", Actions = Dump,
            RpcField = "skip_mnt", CSetter = "criu_add_skip_mnt", Note = NoMounts,
        },
        new("enable-fs", NoEffect, "dump mounts of these file systems by their options alone")
        {
            Group = OptionGroup.Namespaces, Argument = Required, ValueName = "FS,...", RpcField = "enable_fs", CSetter = "criu_add_enable_fs", Note = NoMounts,
        },
        new("mntns-compat-mode", NoEffect, "restore mounts as CRIU did before MOVE_MOUNT_SET_GROUP")
        {
            Group = OptionGroup.Namespaces, Negatable = true, Actions = Restore,
            RpcField = "mntns_compat_mode", CSetter = "criu_set_mntns_compat_mode", Note = NoMounts,
        },
        new("lsm-mount-context", Refused, "another security context for mounts that have one")
        {
            Group = OptionGroup.Namespaces, Argument = Required, ValueName = "CONTEXT", Actions = Restore,
            RpcField = "lsm_mount_context", CSetter = "criu_set_lsm_mount_context",
            Note = "no mount would get it",
        },
    ];

    private const string NoCgroups = "control groups are not kept: processes come back in those of criu";
    private const string NoMounts = "a mount namespace of its own is refused by name";
    private const string NoNetworks = "a network namespace of its own is refused by name";
}
