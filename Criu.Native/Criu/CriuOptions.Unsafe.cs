using Linux.Abi;

namespace Criu.Native;

/// <summary>How the server is reached; the numbers of enum criu_service_comm.</summary>
internal enum ServiceKind
{
    Address = 0,
    Descriptor = 1,
    Binary = 2,
}

/// <summary>What a program holds as <c>criu_opts</c>: memory of the C library, to which nothing managed refers.</summary>
internal unsafe struct CriuOptions
{
    /// <summary>The criu_opts of rpc.proto, ready to be sent.</summary>
    public WireBuffer Fields;

    /// <summary>Called for each notification: action and <see cref="NotifyArgument"/>.</summary>
    public delegate* unmanaged<byte*, NotifyArgument*, int> Notify;

    public ServiceKind Service;
    public int ServiceFd;

    /// <summary>Path of the socket, or the program; null: the default one.</summary>
    public byte* ServiceName;

    /// <summary>Null where there is no memory.</summary>
    public static CriuOptions* Create()
    {
        var made = (CriuOptions*)Libc.Reallocate(null, (nuint)sizeof(CriuOptions));
        if (made == null)
            return null;
        *made = new CriuOptions { Service = ServiceKind.Binary, ServiceFd = -1 };
        // The field is required: no request with options may lack it.
        if (made->Fields.TrySet(OptionField.ImagesDirFd, -1))
            return made;
        Free(made);
        return null;
    }

    public static void Free(CriuOptions* options)
    {
        if (options == null)
            return;
        options->Fields.Free();
        Libc.Free(options->ServiceName);
        Libc.Free(options);
    }

    /// <summary>0, or a negative error.</summary>
    public static int SetService(CriuOptions* options, ServiceKind kind, byte* name, int fd = -1)
    {
        if (options == null)
            return -Errno.EINVAL;
        byte* copy = name == null ? null : Libc.Copy(Libc.Text(name));
        if (name != null && copy == null)
            return -Errno.ENOMEM;
        Libc.Free(options->ServiceName);
        options->ServiceName = copy;
        (options->Service, options->ServiceFd) = (kind, fd);
        return 0;
    }
}
