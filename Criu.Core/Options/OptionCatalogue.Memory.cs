using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// Pages: incremental, lazy, remote; and the servers.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Memory() =>
    [
        new("track-mem", Refused, "note which pages change from here on, for the next dump")
        {
            Group = OptionGroup.Memory, Negatable = true, Actions = Dump, RpcField = "track_mem", CSetter = "criu_set_track_mem", Note = NoIncrements,
        },
        new("prev-images-dir", Refused, "directory of the dump before, relative to that of the images")
        {
            Group = OptionGroup.Memory, Argument = Required, ValueName = "DIR", Actions = Dump,
            RpcField = "parent_img", CSetter = "criu_set_parent_images", Note = NoIncrements,
        },
        new("auto-dedup", Refused, "punch pages out of older images, or out of the images as they are restored")
        {
            Group = OptionGroup.Memory, Negatable = true, RpcField = "auto_dedup", CSetter = "criu_set_auto_dedup", Note = "no image is ever changed",
        },
        new("pre-dump-mode", NoEffect, "how a pre-dump reads pages: splice or read")
        {
            Group = OptionGroup.Memory, Argument = Required, ValueName = "MODE", Actions = Dump, RpcField = "pre_dump_mode", CSetter = "criu_set_pre_dump_mode", Note = "it says how a pre-dump reads, and a dump reads as it likes",
        },
        new("lazy-pages", Refused, "leave pages to a server that brings them on demand")
        {
            Group = OptionGroup.Memory, RpcField = "lazy_pages", Note = "every page is dumped and restored at once",
        },
        new("page-server", Refused, "send pages to a page server")
        {
            Group = OptionGroup.Memory, Negatable = true, Actions = Dump, RpcField = "ps", CSetter = "criu_set_page_server_address_port", Note = NoServers,
        },
        new("stream", Refused, "pass images through criu-image-streamer")
        {
            Group = OptionGroup.Memory, Negatable = true, Note = "images are files in a directory",
        },
    ];

    private static OptionDescription[] Servers() =>
    [
        new("address", Supported, "socket of the service (default: /var/run/criu-service.socket)")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "PATH", Actions = Service,
            Effect = (o, s) => o with { Common = o.Common with { Address = OptionValues.Text(s, "the path") } },
        },
        new("port", Refused, "port of the page server") { Group = OptionGroup.Servers, Argument = Required, ValueName = "PORT", Note = NoServers },
        new("ps-socket", Refused, "socket of the page server, opened already")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FD", Note = NoServers,
        },
        new("daemon", Supported, "go to the background, as -d does")
        {
            Group = OptionGroup.Servers, Negatable = true, Actions = Service,
            Effect = (o, s) => o with { Common = o.Common with { Daemon = s.IsOn } },
        },
        new("status-fd", Supported, "write a zero byte to FD, and close it, when the service is ready")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FD", Actions = Service,
            Effect = (o, s) => o with { Common = o.Common with { StatusFd = OptionValues.Number(s, 0, "the number of a descriptor") } },
        },
        new("tls", Refused, "encrypt connections") { Group = OptionGroup.Servers, Negatable = true, RpcField = "tls", Note = NoServers },
        new("tls-cacert", Refused, "authority to trust")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FILE", RpcField = "tls_cacert", Note = NoServers,
        },
        new("tls-cacrl", Refused, "certificates not to trust")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FILE", RpcField = "tls_cacrl", Note = NoServers,
        },
        new("tls-cert", Refused, "certificate to show")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FILE", RpcField = "tls_cert", Note = NoServers,
        },
        new("tls-key", Refused, "key of the certificate")
        {
            Group = OptionGroup.Servers, Argument = Required, ValueName = "FILE", RpcField = "tls_key", Note = NoServers,
        },
        new("tls-no-cn-verify", Refused, "do not compare the name in the certificate")
        {
            Group = OptionGroup.Servers, RpcField = "tls_no_cn_verify", Note = NoServers,
        },
    ];

    private const string NoIncrements = "every dump is a whole one";
    private const string NoServers = "there is no server to start or to talk to";
}
