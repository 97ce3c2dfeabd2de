using System.Globalization;
using System.Text;
using Criu.Core.Options;
using Criu.Core.Rpc.Proto;
using Google.Protobuf;
using Linux.Abi;
using Microsoft.Win32.SafeHandles;

namespace Criu.Core.Rpc;

/// <summary>
/// The options of a request as settings of the catalogue, for the one merge that the command line uses too. Every field that is set becomes a setting, or is refused by its
/// name; a value that is its own default asks for nothing.
/// </summary>
internal sealed class RpcOptions : IDisposable
{
    private const string DefaultLog = "criu.log";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly CriuOpts opts;
    private readonly RpcPeer peer;
    private readonly bool isService;
    private readonly string? home;
    private readonly IReadOnlyList<OptionSetting> before;
    private readonly List<OptionSetting> settings = [];
    private readonly List<SafeFileHandle> directories = [];

    /// <param name="opts">What the client has set.</param>
    /// <param name="peer">The client, whose descriptors the fields name.</param>
    /// <param name="isService">The client is a stranger: what concerns our own descriptors and parent is refused.</param>
    /// <param name="home">Where configuration files of the user may be; null: nowhere.</param>
    /// <param name="before">What the server's command line sets, for a request that does not.</param>
    public RpcOptions(CriuOpts opts, RpcPeer peer, bool isService, string? home, IReadOnlyList<OptionSetting>? before = null) =>
        (this.opts, this.peer, this.isService, this.home, this.before) = (opts, peer, isService, home, before ?? []);

    /// <summary>What the fields have become.</summary>
    public IReadOnlyList<OptionSetting> Settings => settings;

    /// <summary>Merges all fields.</summary>
    /// <param name="needsImages">Whether the request is nothing without a directory of images.</param>
    /// <exception cref="CheckpointException">A field is refused, or its value is none.</exception>
    public MergedOptions Merge(bool needsImages)
    {
        try
        {
            RefuseUnknownFields();
            ReadPlaces(needsImages);
            ReadGeneric();
            ReadExternal();
            ReadResources();
            ReadNamespaces();
            ReadMemoryAndServers();
            return OptionMerge.Merge([.. ConfigSources.Before([.. before, .. settings], home), .. OfConfigFile()]);
        }
        catch (CheckpointException exception) when (exception.ErrorNumber == 0)
        {
            throw RpcErrors.BadOption(exception.Message);
        }
    }

    /// <summary>The directories stay open while the request is served.</summary>
    public void Dispose() => directories.ForEach(directory => directory.Dispose());

    /// <summary>A field that a newer CRIU has: going on without it could be something else than was asked for.</summary>
    private void RefuseUnknownFields()
    {
        if (opts.FirstUnknownField() is int number)
            throw RpcErrors.BadOption($"Field {number} of criu_opts is unknown", "These are the options of CRIU 4.2");
    }

    private void ReadPlaces(bool needsImages)
    {
        if (opts.HasImagesDirFd && opts.ImagesDirFd != -1)
            Directory("images_dir", opts.ImagesDirFd, "images_dir_fd");
        else if (opts.HasImagesDir)
            Text("images_dir", true, opts.ImagesDir);
        else if (needsImages)
            throw RpcErrors.BadOption("The request names no directory of images", "Set images_dir_fd or images_dir");
        if (opts.HasWorkDirFd && opts.WorkDirFd != -1)
            Directory("work_dir_fd", opts.WorkDirFd, "work_dir_fd");
        if (opts.HasLogFile)
        {
            Demand(!opts.LogFile.Span.Contains((byte)'/'), "log_file", "a path leads out of the work directory", "Name a file alone, and set work_dir_fd");
            Text("log_file", true, opts.LogFile);
        }
        else if (needsImages && !opts.LogToStderr)
            Add("log_file", DefaultLog);
        Value("log_level", opts.HasLogLevel, opts.LogLevel);
    }

    private void Directory(string field, int fd, string origin)
    {
        var directory = peer.OpenDirectory(fd, origin);
        directories.Add(directory);
        settings.Add(new OptionSetting(OptionOf(field), $"/proc/self/fd/{directory.Fd()}", $"{origin}: {fd}"));
    }

    private void ReadGeneric()
    {
        Value("pid", opts.Pid != 0, opts.Pid);
        Switch("leave_running", opts.HasLeaveRunning, opts.LeaveRunning);
        Switch("leave_stopped", opts.HasLeaveStopped, opts.LeaveStopped);
        Switch("shell_job", opts.HasShellJob, opts.ShellJob);
        Switch("display_stats", opts.HasDisplayStats, opts.DisplayStats);
        Switch("unprivileged", opts.HasUnprivileged, opts.Unprivileged);
        Value("timeout", opts.HasTimeout, opts.Timeout);
        Text("freeze_cgroup", opts.HasFreezeCgroup, opts.FreezeCgroup);
        Texts("exec_cmd", opts.ExecCmd);
        Switch("notify_scripts", opts.HasNotifyScripts, opts.NotifyScripts);
        if (opts.HasCpuCap && opts.CpuCap != uint.MaxValue)
            Add("cpu_cap", Number(opts.CpuCap));
        if (opts.RstSibling)
            Demand(!isService, "rst_sibling", "a service is no child of its client", "Start criu swrk");
        Switch("rst_sibling", opts.HasRstSibling, opts.RstSibling);
    }

    /// <summary>Runtimes name a file that need not be there. What stands in one that is there counts more than what the client has set.</summary>
    private IReadOnlyList<OptionSetting> OfConfigFile() => opts.HasConfigFile ? ConfigFile.TryRead(Decode("config_file", opts.ConfigFile)) ?? [] : [];

    private void ReadExternal()
    {
        Texts("external", opts.External);
        foreach (var pair in opts.ExtMnt)
            Add("ext_mnt", $"{Decode("ext_mnt", pair.Key)}:{Decode("ext_mnt", pair.Val)}");
        foreach (var descriptor in opts.InheritFd)
        {
            Demand(!isService, "inherit_fd", "a service has no descriptors of its client", "Start criu swrk");
            Add("inherit_fd", $"fd[{Number(descriptor.Fd)}]:{Decode("inherit_fd", descriptor.Key)}");
        }
        if (opts.ExtUnixSk)
            Add("ext_unix_sk", null);
        if (opts.UnixSkIno.Count > 0)
            settings.Add(new OptionSetting(OptionOf("ext_unix_sk"), string.Join(',', opts.UnixSkIno.Select(socket => Number(socket.Inode))), "unix_sk_ino"));
        Switch("ext_sharing", opts.HasExtSharing, opts.ExtSharing);
        Switch("ext_masters", opts.HasExtMasters, opts.ExtMasters);
        Switch("auto_ext_mnt", opts.HasAutoExtMnt, opts.AutoExtMnt);
    }

    private void ReadResources()
    {
        Switch("tcp_established", opts.HasTcpEstablished, opts.TcpEstablished);
        Switch("tcp_close", opts.HasTcpClose, opts.TcpClose);
        Switch("tcp_skip_in_flight", opts.HasTcpSkipInFlight, opts.TcpSkipInFlight);
        if (opts.HasNetworkLock)
            Add("network_lock", RpcNames.Of(opts.NetworkLock));
        Switch("orphan_pts_master", opts.HasOrphanPtsMaster, opts.OrphanPtsMaster);
        Switch("file_locks", opts.HasFileLocks, opts.FileLocks);
        Switch("link_remap", opts.HasLinkRemap, opts.LinkRemap);
        Value("ghost_limit", opts.HasGhostLimit, opts.GhostLimit);
        Switch("evasive_devices", opts.HasEvasiveDevices, opts.EvasiveDevices);
        Switch("force_irmap", opts.HasForceIrmap, opts.ForceIrmap);
        Texts("irmap_scan_paths", opts.IrmapScanPaths);
        Switch("skip_file_rwx_check", opts.HasSkipFileRwxCheck, opts.SkipFileRwxCheck);
        Text("lsm_profile", opts.HasLsmProfile, opts.LsmProfile);
        if (opts.ManageCgroups || opts.HasManageCgroupsMode)
            Add("manage_cgroups_mode", opts.HasManageCgroupsMode ? RpcNames.Of(opts.ManageCgroupsMode) : null);
        foreach (var root in opts.CgRoot)
            Add("cg_root", $"{Decode("cg_root", root.Ctrl)}:{Decode("cg_root", root.Path)}");
        Text("cgroup_props", opts.HasCgroupProps, opts.CgroupProps);
        Text("cgroup_props_file", opts.HasCgroupPropsFile, opts.CgroupPropsFile);
        Texts("cgroup_dump_controller", opts.CgroupDumpController);
        Text("cgroup_yard", opts.HasCgroupYard, opts.CgroupYard);
    }

    private void ReadNamespaces()
    {
        Text("root", opts.HasRoot, opts.Root);
        Value("empty_ns", opts.EmptyNs != 0, opts.EmptyNs);
        foreach (var target in opts.JoinNs)
            Add("join_ns", $"{Decode("join_ns", target.Ns)}:{Decode("join_ns", target.NsFile)}");
        foreach (var pair in opts.Veths)
            Add("veths", $"{Decode("veths", pair.IfIn)}={Decode("veths", pair.IfOut)}");
        Switch("weak_sysctls", opts.HasWeakSysctls, opts.WeakSysctls);
        Texts("skip_mnt", opts.SkipMnt);
        Texts("enable_fs", opts.EnableFs);
        Switch("mntns_compat_mode", opts.HasMntnsCompatMode, opts.MntnsCompatMode);
        Text("lsm_mount_context", opts.HasLsmMountContext, opts.LsmMountContext);
    }

    private void ReadMemoryAndServers()
    {
        Switch("track_mem", opts.HasTrackMem, opts.TrackMem);
        Text("parent_img", opts.HasParentImg, opts.ParentImg);
        Switch("auto_dedup", opts.HasAutoDedup, opts.AutoDedup);
        if (opts.HasPreDumpMode)
            Add("pre_dump_mode", RpcNames.Of(opts.PreDumpMode));
        Switch("lazy_pages", opts.HasLazyPages, opts.LazyPages);
        Switch("ps", opts.Ps != null, true);
        Value("status_fd", opts.HasStatusFd, opts.StatusFd);
        Value("pidfd_store_sk", opts.HasPidfdStoreSk, opts.PidfdStoreSk);
        Switch("tls", opts.HasTls, opts.Tls);
        Text("tls_cacert", opts.HasTlsCacert, opts.TlsCacert);
        Text("tls_cacrl", opts.HasTlsCacrl, opts.TlsCacrl);
        Text("tls_cert", opts.HasTlsCert, opts.TlsCert);
        Text("tls_key", opts.HasTlsKey, opts.TlsKey);
        Switch("tls_no_cn_verify", opts.HasTlsNoCnVerify, opts.TlsNoCnVerify);
    }

    private void Switch(string field, bool isSet, bool isOn)
    {
        if (isSet)
            Add(field, isOn ? OptionSetting.On : OptionSetting.Off);
    }

    private void Value(string field, bool isSet, long value)
    {
        if (isSet)
            Add(field, Number(value));
    }

    private void Text(string field, bool isSet, ByteString text)
    {
        if (isSet)
            Add(field, Decode(field, text));
    }

    private void Texts(string field, IEnumerable<ByteString> texts)
    {
        foreach (var text in texts)
            Add(field, Decode(field, text));
    }

    private void Add(string field, string? value) => settings.Add(new OptionSetting(OptionOf(field), value, value == null ? field : $"{field}: {value}"));

    private static void Demand(bool holds, string field, string reason, string advice)
    {
        if (!holds)
            throw RpcErrors.BadOption($"{field} is not supported here: {reason}", advice);
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The kernel ends a text at its first NUL, so what stands behind one would be lost without a word.</summary>
    private static string Decode(string field, ByteString text)
    {
        try
        {
            string decoded = Strict.GetString(text.Span);
            return decoded.Contains('\0') ? throw RpcErrors.BadOption($"{field} has a NUL in it") : decoded;
        }
        catch (DecoderFallbackException)
        {
            throw RpcErrors.BadOption($"{field} is not UTF-8", "Other names of files are not supported yet in options");
        }
    }

    private static string OptionOf(string field)
    {
        foreach (var option in OptionCatalogue.All)
            if (option.RpcField == field)
                return option.Name;
        throw new InvalidOperationException($"The catalogue has no field {field}");
    }
}
