using static Criu.Core.Options.OptionActions;
using static Criu.Core.Options.OptionArgument;
using static Criu.Core.Options.OptionSupport;

namespace Criu.Core.Options;

// What to work on, and what becomes of it.
public static partial class OptionCatalogue
{
    private static OptionDescription[] Generic() =>
    [
        new("tree", Supported, "dump the tree of processes below PID")
        {
            Short = 't', Argument = Required, ValueName = "PID", Actions = Dump, RpcField = "pid", CSetter = "criu_set_pid",
            Effect = (o, s) => o with { Common = o.Common with { Tree = OptionValues.Number(s, 1, "the number of a process") } },
        },
        new("images-dir", Supported, "directory of the images (default: the current one)")
        {
            Short = 'D', Argument = Required, ValueName = "DIR", RpcField = "images_dir", CSetter = "criu_set_images_dir_fd",
            Effect = (o, s) => o with { Common = o.Common with { ImagesDir = OptionValues.Text(s, "the directory") } },
        },
        new("work-dir", Supported, "directory of log, pid file and statistics (default: that of the images)")
        {
            Short = 'W', Argument = Required, ValueName = "DIR", Actions = Both | Service, RpcField = "work_dir_fd", CSetter = "criu_set_work_dir_fd",
            Effect = (o, s) => o with { Common = o.Common with { WorkDir = OptionValues.Text(s, "the directory") } },
        },
        new("leave-running", Supported, "let the tree run on after the dump instead of killing it")
        {
            Short = 'R', Actions = Dump, RpcField = "leave_running", CSetter = "criu_set_leave_running",
            Effect = (o, s) => o with { Dump = o.Dump with { LeaveRunning = s.IsOn } },
        },
        new("leave-stopped", Supported, "leave the tree stopped (SIGSTOP) after dump or restore")
        {
            Short = 's', RpcField = "leave_stopped",
            Effect = (o, s) => o with { Dump = o.Dump with { LeaveStopped = s.IsOn }, Restore = o.Restore with { LeaveStopped = s.IsOn } },
        },
        new("restore-detached", Supported, "end once the tree is restored instead of waiting for its root; a service goes to the background")
        {
            Short = 'd', Negatable = true, Actions = Restore | Service,
            Effect = (o, s) => o with { Common = o.Common with { Detached = s.IsOn } },
        },
        new("restore-sibling", Supported, "restore the root as a sibling of criu, a child of whoever called it (needs -d)")
        {
            Short = 'S', Negatable = true, Actions = Restore, RpcField = "rst_sibling",
            Effect = (o, s) => o with { Restore = o.Restore with { Sibling = s.IsOn } },
        },
        new("shell-job", Supported, "the root may belong to a session and a terminal of a shell outside the tree")
        {
            Short = 'j', Negatable = true, RpcField = "shell_job", CSetter = "criu_set_shell_job",
            Effect = (o, s) => o with { Dump = o.Dump with { ShellJob = s.IsOn }, Restore = o.Restore with { ShellJob = s.IsOn } },
        },
        new("timeout", Supported, "how long stopping the tree may take (default 10 seconds, 0: no limit)")
        {
            Argument = Required, ValueName = "SECONDS", Actions = Dump, RpcField = "timeout", CSetter = "criu_set_timeout",
            Effect = (o, s) => o with { Dump = o.Dump with { Timeout = OptionValues.Seconds(s) } },
        },
        new("pidfile", Supported, "write the pid of the restored root, or of the service, to FILE, which must not exist")
        {
            Argument = Required, ValueName = "FILE", Actions = Restore | Service,
            Effect = (o, s) => o with { Common = o.Common with { PidFile = OptionValues.Text(s, "the file name") } },
        },
        new("close", Supported, "close descriptor FD before anything else")
        {
            Argument = Required, ValueName = "FD", Actions = OptionActions.All,
            Effect = (o, s) => o with { Common = o.Common with { CloseFds = [.. o.Common.CloseFds, OptionValues.Number(s, 0, "the number of a descriptor")] } },
        },
        new("exec-cmd", Supported, "become the command behind -- after the restore, as parent of the tree")
        {
            Actions = Restore, Effect = (o, s) => o with { Common = o.Common with { ExecutesCommand = true } },
        },
        new("action-script", Supported, "run SCRIPT at each stage, which CRTOOLS_SCRIPT_ACTION names")
        {
            Argument = Required, ValueName = "SCRIPT",
            Effect = (o, s) => o with { Common = o.Common with { ActionScripts = [.. o.Common.ActionScripts, OptionValues.Text(s, "the path")] } },
        },
        new("cpu-cap", Supported, "which of the processor must be the same at restore: cpu, fpu, ins, all or none")
        {
            Argument = Optional, ValueName = "CAP,...", Actions = Both | Cpuinfo, RpcField = "cpu_cap", CSetter = "criu_set_cpu_cap", Effect = OptionValues.SetProcessor,
        },
        new("freeze-cgroup", NoEffect, "stop the tree by the freezer of control group PATH")
        {
            Argument = Required, ValueName = "PATH", Actions = Dump, RpcField = "freeze_cgroup", CSetter = "criu_set_freeze_cgroup",
            Note = "processes are stopped by ptrace, to the same end",
        },
        new("unprivileged", AlwaysSo, "run without root, by CAP_CHECKPOINT_RESTORE")
        {
            Negatable = true,
            RpcField = "unprivileged", CSetter = "criu_set_unprivileged", Note = "the kernel judges each call; no check of ours is in the way",
        },
    ];
}
