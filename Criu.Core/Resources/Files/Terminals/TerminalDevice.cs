using Criu.Core.Proc;
using Criu.Images.Proto;

namespace Criu.Core.Resources.Files;

/// <summary>Which terminal a device is, by its number as in stat(2) (Documentation/admin-guide/devices.txt), and the numbers that images have for it.</summary>
internal static class TerminalDevice
{
    private const ulong VirtualMajor = 4, OtherMajor = 5, UsbMajor = 188, SerialMajor = 204;
    private const ulong FirstMaster = 128, LastMaster = 135, FirstSlave = 136, LastSlave = 143;      // of Unix98, majors
    private const ulong LastVirtual = 63;                                                             // minor; UARTs follow

    // CRIU's numbers of what is no pair; it takes no number above Last for a terminal that works.
    private const uint ConsoleNumber = 1002, VirtualNumber = 1004, CurrentNumber = 1006, SerialNumber = 1010, ExternalNumber = 1012, MoreNumber = 1077, LastNumber = 1088;
    private const uint LastPair = 1000, ManyPairs = 4096;

    public static TtyType TypeOf(ulong device) => (KernelDevice.FromStat(device) >> 20, KernelDevice.FromStat(device) & 0xfffff) switch
    {
        (VirtualMajor, <= LastVirtual) => TtyType.Vt,
        (OtherMajor, 0) => TtyType.Ctty,
        (OtherMajor, 1) => TtyType.Console,
        (OtherMajor, 2) or ( >= FirstMaster and <= LastSlave, _) => TtyType.Pty,
        _ => TtyType.Unknown,
    };

    public static bool IsMaster(ulong device) => KernelDevice.FromStat(device) >> 20 is OtherMajor or (>= FirstMaster and <= LastMaster);

    public static bool IsSerial(ulong device) => (KernelDevice.FromStat(device) >> 20, KernelDevice.FromStat(device) & 0xfffff) is (VirtualMajor, > LastVirtual) or (UsbMajor or SerialMajor, _);

    /// <summary>Of a slave: its number in /dev/pts.</summary>
    public static uint IndexOf(ulong device) => (uint)(KernelDevice.FromStat(device) & 0xfffff | (KernelDevice.FromStat(device) >> 20) - FirstSlave << 20);

    /// <summary>The device of a slave, as in stat(2).</summary>
    public static uint SlaveOf(uint index) => (uint)FirstSlave << 8 | index & 0xff | (index & ~0xffu) << 12;

    /// <summary>The image's number of one side of a pair.</summary>
    public static uint InfoOf(uint index, bool isMaster) => (index > LastPair ? ManyPairs : 0) + index << 1 | (isMaster ? 1u : 0);

    /// <summary>The image's number of a terminal that is no pair; CRIU has one for all of a type, more of them are behind its last.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="before">How many others of the type there are.</param>
    /// <param name="beforeAny">How many of any type have a number behind the last.</param>
    public static uint InfoOf(TtyType type, uint before, uint beforeAny) => (type, before) switch
    {
        (TtyType.ExtTty, < MoreNumber - ExternalNumber - 1) => ExternalNumber + 1 + before << 1,
        (_, > 0) => MoreNumber + beforeAny is < LastNumber and var number ? number << 1 : throw new CheckpointException("There are too many terminals of one type, which the images cannot tell apart"),
        (TtyType.Console, _) => ConsoleNumber << 1,
        (TtyType.Vt, _) => VirtualNumber << 1,
        (TtyType.Ctty, _) => CurrentNumber << 1,
        _ => SerialNumber << 1,
    };

    /// <summary>As --external and --inherit-fd name it.</summary>
    public static string KeyOf(ulong device, ulong fileSystem) => $"tty[{device:x}:{fileSystem:x}]";
}
