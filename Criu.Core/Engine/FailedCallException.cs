using Criu.Parasite;
using Linux.Abi;

namespace Criu.Core.Engine;

/// <summary>A call of a process that had to succeed: which process, and what it usually takes. The phase comes at its border.</summary>
internal sealed class FailedCallException(Puppet puppet, BatchException call) : Exception($"in {Name(puppet)}, {call.Message}", call)
{
    /// <summary>What to do; null where the kernel's answer says all that is known.</summary>
    public string? Cure => ((Nr)call.Call, call.ErrorNumber) switch
    {
        (Nr.clone3, Errno.EEXIST) => "A pid or thread id of the images was taken by somebody meanwhile: try again, or restore in a pid namespace of its own",
        (Nr.clone3, Errno.EPERM) => "Run as root or with CAP_CHECKPOINT_RESTORE: processes with wanted pids are a privilege",
        (Nr.clone3, Errno.EAGAIN) => "Raise the limit of processes (ulimit -u), or pids.max of the control group",
        (Nr.setsid, Errno.EPERM) => "A process group of that number exists outside the tree: end its members, or restore in a pid namespace of its own",
        (Nr.dup3 or Nr.fcntl or Nr.openat or Nr.pidfd_getfd, Errno.EBADF or Errno.EMFILE) => "The limit of descriptors is probably too low: raise it before the restore (ulimit -Hn)",
        (Nr.openat, Errno.ENOENT) => "A file was removed while the restore ran: put it back",
        (Nr.openat, Errno.EACCES or Errno.EPERM) => "A file cannot be opened as it was at the dump: look at its permissions, or run as root",
        (Nr.mmap or Nr.mremap, Errno.ENOMEM) => "Too little memory, or too many mappings: see ulimit -v and vm.max_map_count",
        (Nr.mmap, Errno.EPERM) => "The mapping is below vm.mmap_min_addr, or its file lies on a file system that is mounted noexec",
        _ => null,
    };

    private static string Name(Puppet puppet) => puppet.Tid == puppet.Pid ? $"pid {puppet.Pid}" : $"thread {puppet.Tid} of pid {puppet.Pid}";
}
