using System.Runtime.InteropServices;

namespace Criu.Native;

/// <summary>
/// What a callback gets behind <c>criu_notify_arg_t</c>. Laid out as a criu_notify of protobuf-c is, whose first 24 bytes are that library's own: programs that were compiled
/// with upstream's header may read the fields themselves.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal unsafe struct NotifyArgument
{
    [FieldOffset(24)]
    public byte* Script;

    [FieldOffset(32)]
    public int HasPid;

    [FieldOffset(36)]
    public int Pid;

    [UnmanagedCallersOnly(EntryPoint = "criu_notify_pid")]
    private static int PidOf(NotifyArgument* argument) => argument != null && argument->HasPid != 0 ? argument->Pid : 0;
}
