namespace Criu.Images;

/// <summary>What follows each entry of an image.</summary>
public enum ImagePayload
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary><c>pipe_data_entry.bytes</c> bytes.</summary>
    PipeData,

    /// <summary><c>sk_packet_entry.length</c> bytes.</summary>
    SocketQueue,

    /// <summary>Nothing if <c>in_pagemaps</c>; else <c>size</c> bytes, zeros to a multiple of 4.</summary>
    IpcShm,

    /// <summary><c>qnum</c> times: length of an <c>ipc_msg</c> (u32), the message, <c>msize</c> bytes, zeros to a multiple of 8.</summary>
    IpcMsg,

    /// <summary><c>nsems</c> values (u16), zeros to a multiple of 8.</summary>
    IpcSem,

    /// <summary>
    /// After the one <c>ghost_file_entry</c>: the rest of the file; or, if <c>chunks</c>, until the end, a <c>ghost_chunk_entry</c> with <c>len</c> bytes each.
    /// </summary>
    GhostFile,

    /// <summary><c>inq_len</c> bytes of the receive queue, then <c>outq_len</c> bytes of the send queue.</summary>
    TcpStream,

    /// <summary><c>keys_bytes</c> bytes of keys, then <c>values_bytes</c> bytes of values.</summary>
    BpfMapData,
}
