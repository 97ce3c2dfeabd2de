using System.Runtime.InteropServices;
using static Criu.Native.OptionField;
using static Criu.Native.OptionSetting;

namespace Criu.Native;

// Directories, logs, files and what belongs to them.
internal static unsafe partial class OptionExports
{
    [UnmanagedCallersOnly(EntryPoint = "criu_set_images_dir_fd")]
    private static void SetImagesDirFd(int fd) => Set(Global, ImagesDirFd, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_images_dir_fd")]
    private static void SetImagesDirFd(CriuOptions* options, int fd) => Set(options, ImagesDirFd, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_work_dir_fd")]
    private static void SetWorkDirFd(int fd) => Set(Global, WorkDirFd, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_work_dir_fd")]
    private static void SetWorkDirFd(CriuOptions* options, int fd) => Set(options, WorkDirFd, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_parent_images")]
    private static int SetParentImages(byte* path) => Set(Global, ParentImg, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_parent_images")]
    private static int SetParentImages(CriuOptions* options, byte* path) => Set(options, ParentImg, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_log_level")]
    private static void SetLogLevel(int level) => Set(Global, LogLevel, level);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_log_level")]
    private static void SetLogLevel(CriuOptions* options, int level) => Set(options, LogLevel, level);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_log_file")]
    private static int SetLogFile(byte* name) => Set(Global, LogFile, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_log_file")]
    private static int SetLogFile(CriuOptions* options, byte* name) => Set(options, LogFile, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_evasive_devices")]
    private static void SetEvasiveDevices(byte value) => Switch(Global, EvasiveDevices, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_evasive_devices")]
    private static void SetEvasiveDevices(CriuOptions* options, byte value) => Switch(options, EvasiveDevices, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_skip_file_rwx_check")]
    private static void SetSkipFileRwxCheck(byte value) => Switch(Global, SkipFileRwxCheck, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_skip_file_rwx_check")]
    private static void SetSkipFileRwxCheck(CriuOptions* options, byte value) => Switch(options, SkipFileRwxCheck, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_file_locks")]
    private static void SetFileLocks(byte value) => Switch(Global, FileLocks, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_file_locks")]
    private static void SetFileLocks(CriuOptions* options, byte value) => Switch(options, FileLocks, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_force_irmap")]
    private static void SetForceIrmap(byte value) => Switch(Global, ForceIrmap, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_force_irmap")]
    private static void SetForceIrmap(CriuOptions* options, byte value) => Switch(options, ForceIrmap, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_link_remap")]
    private static void SetLinkRemap(byte value) => Switch(Global, LinkRemap, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_link_remap")]
    private static void SetLinkRemap(CriuOptions* options, byte value) => Switch(options, LinkRemap, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_ghost_limit")]
    private static void SetGhostLimit(uint bytes) => Set(Global, GhostLimit, bytes);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_ghost_limit")]
    private static void SetGhostLimit(CriuOptions* options, uint bytes) => Set(options, GhostLimit, bytes);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_orphan_pts_master")]
    private static void SetOrphanPtsMaster(byte value) => Switch(Global, OrphanPtsMaster, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_orphan_pts_master")]
    private static void SetOrphanPtsMaster(CriuOptions* options, byte value) => Switch(options, OrphanPtsMaster, value);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_irmap_path")]
    private static int AddIrmapPath(byte* path) => Add(Global, IrmapScanPaths, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_irmap_path")]
    private static int AddIrmapPath(CriuOptions* options, byte* path) => Add(options, IrmapScanPaths, path);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_inherit_fd")]
    private static int AddInheritFd(int fd, byte* key) => AddPair(Global, InheritFd, key, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_inherit_fd")]
    private static int AddInheritFd(CriuOptions* options, int fd, byte* key) => AddPair(options, InheritFd, key, fd);

    [UnmanagedCallersOnly(EntryPoint = "criu_add_external")]
    private static int AddExternal(byte* key) => Add(Global, External, key);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_add_external")]
    private static int AddExternal(CriuOptions* options, byte* key) => Add(options, External, key);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_lsm_profile")]
    private static int SetLsmProfile(byte* name) => Set(Global, LsmProfile, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_lsm_profile")]
    private static int SetLsmProfile(CriuOptions* options, byte* name) => Set(options, LsmProfile, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_set_lsm_mount_context")]
    private static int SetLsmMountContext(byte* name) => Set(Global, LsmMountContext, name);

    [UnmanagedCallersOnly(EntryPoint = "criu_local_set_lsm_mount_context")]
    private static int SetLsmMountContext(CriuOptions* options, byte* name) => Set(options, LsmMountContext, name);
}
