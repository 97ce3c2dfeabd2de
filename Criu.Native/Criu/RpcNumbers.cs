namespace Criu.Native;

/// <summary>Types of requests, criu_req_type of rpc.proto.</summary>
internal static class RequestType
{
    public const int Empty = 0, Dump = 1, Restore = 2, Check = 3, PreDump = 4, Notify = 6, FeatureCheck = 9, Version = 10, SinglePreDump = 13;
}

/// <summary>Numbers of the fields of criu_req, rpc.proto.</summary>
internal static class RequestField
{
    public const int Type = 1, Options = 2, NotifySuccess = 3, Features = 5;
}

/// <summary>Numbers of the fields of criu_resp and of the messages in it, rpc.proto.</summary>
internal static class ResponseField
{
    public const int Type = 1, Success = 2, Dump = 3, Restore = 4, Notify = 5, ErrorNumber = 7, Features = 8, Version = 10;
    public const int DumpRestored = 1, RestorePid = 1, NotifyScript = 1, NotifyPid = 2, Major = 1, Minor = 2, GitId = 3, Sublevel = 4;
}

/// <summary>Numbers of the fields of criu_opts, rpc.proto.</summary>
internal static class OptionField
{
    public const int ImagesDirFd = 1, Pid = 2, LeaveRunning = 3, ExtUnixSk = 4, TcpEstablished = 5, EvasiveDevices = 6, ShellJob = 7, FileLocks = 8, LogLevel = 9, LogFile = 10,
        Ps = 11, NotifyScripts = 12, Root = 13, ParentImg = 14, TrackMem = 15, AutoDedup = 16, WorkDirFd = 17, LinkRemap = 18, Veths = 19, CpuCap = 20, ForceIrmap = 21, ExecCmd = 22,
        ExtMnt = 23, ManageCgroups = 24, CgRoot = 25, RstSibling = 26, InheritFd = 27, AutoExtMnt = 28, ExtSharing = 29, ExtMasters = 30, SkipMnt = 31, EnableFs = 32, UnixSkIno = 33,
        ManageCgroupsMode = 34, GhostLimit = 35, IrmapScanPaths = 36, External = 37, EmptyNs = 38, JoinNs = 39, CgroupProps = 41, CgroupPropsFile = 42, CgroupDumpController = 43,
        FreezeCgroup = 44, Timeout = 45, TcpSkipInFlight = 46, WeakSysctls = 47, OrphanPtsMaster = 50, ConfigFile = 51, TcpClose = 52, LsmProfile = 53, CgroupYard = 60, PreDumpMode = 61,
        PidfdStoreSk = 62, LsmMountContext = 63, NetworkLock = 64, MntnsCompatMode = 65, SkipFileRwxCheck = 66, Unprivileged = 67;

    /// <summary>Of ext_mount_map, criu_veth_pair, cgroup_root and inherit_fd: what stands first, and its companion.</summary>
    public const int First = 1, Second = 2, Third = 3;
}
