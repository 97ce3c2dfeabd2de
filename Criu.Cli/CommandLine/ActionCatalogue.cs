using Criu.Core;
using Criu.Core.Options;

namespace Criu.Cli.CommandLine;

/// <summary>One action of the command line.</summary>
/// <param name="Name">The word that names it.</param>
/// <param name="Summary">What it does, in a line.</param>
internal sealed record ActionDescription(string Name, string Summary)
{
    /// <summary>Why it is refused; null for one that works.</summary>
    public string? Refusal { get; init; }

    /// <summary>Its bit in the catalogue of options.</summary>
    public OptionActions Options { get; init; }

    public string Usage { get; init; } = "[OPTIONS]";

    /// <summary>How many words may follow it; those that the usage does not name are for a service and its workers.</summary>
    public int Words { get; init; }

    /// <summary>Lines of the help: a command, then what it does.</summary>
    public (string Command, string Effect)[] Examples { get; init; } = [];
}

/// <summary>The actions of CRIU 4.2, those that work first.</summary>
internal static class ActionCatalogue
{
    public static ActionDescription[] All { get; } =
    [
        new("dump", "freeze a tree of processes into images")
        {
            Options = OptionActions.Dump, Usage = "-t PID [OPTIONS]",
            Examples =
            [
                ("criu dump -t 1234 -D images", "dump the tree below process 1234 and kill it"),
                ("criu dump -t 1234 -D images -R -j", "dump a job of a shell and let it run on"),
                ("criu dump -t 1234 -D images -W work -o dump.log -v4", "with all there is to know in work/dump.log"),
            ],
        },
        new("restore", "bring a tree back from images")
        {
            Options = OptionActions.Restore,
            Examples =
            [
                ("criu restore -D images -d", "restore the tree and return"),
                ("criu restore -D images -j", "restore a job of a shell in front of this one, and end as it does"),
                ("criu restore -D images -d --pidfile root.pid", "with the pid of its root in images/root.pid"),
                ("criu restore -D images --inherit-fd fd[1]:tmp/out 1>new", "with another file in the place of /tmp/out"),
            ],
        },
        new("check", "tell whether this system has what dump and restore need")
        {
            Options = OptionActions.Check,
            Examples =
            [
                ("criu check", "\"Looks good.\" or what is missing"),
                ("criu check --feature pagemap_scan", "ask for one feature by the exit status"),
            ],
        },
        new("crit", "print and edit images: decode, encode, show, info")
        {
            Usage = "decode|encode|show|info [OPTIONS] [FILE]",
            Examples =
            [
                ("criu crit show images/core-1234.img", "print an image"),
                ("criu crit decode -i pstree.img --pretty -o pstree.json", "make text of an image"),
            ],
        },
        new("swrk", "serve the requests of one client, whose socket is descriptor FD")
        {
            Usage = "FD", Words = 2,
            Examples = [("criu swrk 3", "answer criu_req of rpc.proto on descriptor 3, a unix socket of type SOCK_SEQPACKET")],
        },
        new("service", "serve requests on a unix socket")
        {
            Options = OptionActions.Service, Words = 1,
            Examples =
            [
                ("criu service", "serve whoever connects to /var/run/criu-service.socket, each with the rights of their own"),
                ("criu service -d --address /run/criu.socket --pidfile /run/criu.pid", "elsewhere, in the background"),
            ],
        },
        new("cpuinfo", "write, or compare with what was written, what the processor can do: dump, check")
        {
            Options = OptionActions.Cpuinfo, Words = 1, Usage = "dump|check [OPTIONS]",
            Examples =
            [
                ("criu cpuinfo dump -D images", "write images/cpuinfo.img"),
                ("criu cpuinfo check -D images", "can this machine go on with what that one began?"),
            ],
        },
        new("pre-dump", "dump memory ahead while the tree runs") { Refusal = "every dump is a whole one" },
        new("page-server", "receive pages over the network") { Refusal = "there is no server yet" },
        new("lazy-pages", "bring pages on demand") { Refusal = "pages are restored at once" },
        new("dedup", "remove pages that a later dump holds too") { Refusal = "every dump is a whole one" },
        new("exec", "run a system call in a process") { Refusal = "CRIU has removed it" },
    ];

    public static ActionDescription Resolve(string word)
    {
        var action = Array.Find(All, candidate => candidate.Name == word);
        if (action == null)
        {
            string? closest = Spelling.Closest(word, Array.ConvertAll(All, candidate => candidate.Name));
            throw new CheckpointException($"There is no action {word}", closest == null ? "Try criu --help" : $"Is {closest} meant?");
        }
        return action.Refusal == null ? action : throw new CheckpointException($"{action.Name} is not supported yet: {action.Refusal}");
    }
}
