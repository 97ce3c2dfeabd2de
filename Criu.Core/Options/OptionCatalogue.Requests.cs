using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Fields of requests that are no option of the command line, or another one there. No configuration file can set them.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Requests() =>
    [
        Field("notify_scripts", Supported, "tell the client of each stage, and wait for its answer") with
        {
            CSetter = "criu_set_notify_cb", Effect = (o, s) => o with { Common = o.Common with { NotifiesClient = s.IsOn } },
        },
        Field("orphan_pts_master", Supported, "one terminal may have its master outside; the restore makes it anew and hands over its master") with
        {
            CSetter = "criu_set_orphan_pts_master",
            Effect = (o, s) => o with { Dump = o.Dump with { OrphanPtsMaster = s.IsOn }, Restore = o.Restore with { OrphanPtsMaster = s.IsOn } },
        },
        Field("exec_cmd", Supported, "the next word of the command to become after the restore") with
        {
            Argument = OptionArgument.Required, ValueName = "WORD", Actions = OptionActions.Restore, CSetter = "criu_set_exec_cmd",
            Effect = (o, s) => o with { Common = o.Common with { ExecutesCommand = true, Command = [.. o.Common.Command, s.Value ?? ""] } },
        },
        Field("auto_ext_mnt", NoEffect, "find mounts that stay outside by comparing with those of criu") with { CSetter = "criu_set_auto_ext_mnt", Note = NoMounts },
        Field("status_fd", NoEffect, "write a zero byte to FD when a server is ready") with
        {
            Argument = OptionArgument.Required, ValueName = "FD", Note = "nothing but a service or a server has to become ready",
        },
        Field("pidfd_store_sk", Refused, "socket that keeps pidfds from one dump to the next") with
        {
            Argument = OptionArgument.Required, ValueName = "FD", Actions = OptionActions.Dump, CSetter = "criu_set_pidfd_store_sk",
            Note = "every dump is a whole one, and needs no pidfds of an earlier one",
        },
    ];

    private static OptionDescription Field(string name, OptionSupport support, string help) => new(name, support, help) { RpcField = name, OnlyInRequests = true };
}
