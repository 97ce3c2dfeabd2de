namespace Linux.Abi;

/// <summary>linux/inotify.h.</summary>
internal static class Inotify
{
    public const uint IN_DONT_FOLLOW = 0x02000000;
    public const long IOC_SETNEXTWD = 0x40044900;       // _IOW('I', 0, __s32)
}
