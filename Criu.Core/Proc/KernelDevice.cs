namespace Criu.Core.Proc;

/// <summary>
/// Device numbers have two forms. The kernel's own, in fdinfo, maps and images: major &lt;&lt; 20 | minor. And that of stat(2), whose
/// minor is torn apart: bits 0-7 below the major, the rest above it.
/// </summary>
internal static class KernelDevice
{
    public static ulong Make(ulong major, ulong minor) => major << 20 | minor;

    /// <summary>From st_dev or st_rdev.</summary>
    public static ulong FromStat(ulong device)
    {
        ulong major = device >> 8 & 0xfff | device >> 32 & 0xfffff000;
        ulong minor = device & 0xff | device >> 12 & 0xffffff00;
        return Make(major, minor);
    }
}
